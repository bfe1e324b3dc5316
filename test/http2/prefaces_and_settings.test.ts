// What a connection begins with, and values of settings (RFC 9113 3.4, 6.5.2).

import { meets } from './hostile.ts';

await meets('beginnings', {
  'ENABLE_PUSH 2': 'connection: PROTOCOL_ERROR',
  'INITIAL_WINDOW_SIZE 2^31': 'connection: FLOW_CONTROL_ERROR',
  'MAX_FRAME_SIZE 16383': 'connection: PROTOCOL_ERROR',
  'MAX_FRAME_SIZE 2^24': 'connection: PROTOCOL_ERROR',
  'a setting that nobody knows': '200',
  'HEADER_TABLE_SIZE 2^32-1': '200',
  'MAX_HEADER_LIST_SIZE 0': '200',
  'an acknowledgement of a ping that nobody sent': '200',
  'an acknowledgement of SETTINGS that nobody sent': 'connection: PROTOCOL_ERROR',
  'the preface without SETTINGS': 'connection: PROTOCOL_ERROR',
  'the preface, and an acknowledgement as its SETTINGS': 'connection: PROTOCOL_ERROR',
  'the preface twice': 'connection: FRAME_SIZE_ERROR',
  'HTTP/1.1 behind the preface': 'connection: PROTOCOL_ERROR',
});
