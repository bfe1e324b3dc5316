// Frames that the state of their stream does not allow (RFC 9113 5.1). What comes for a stream that has ended
// may have been on its way, and is dropped.

import { meets } from './hostile.ts';

await meets('states', {
  'idle: DATA': 'connection: PROTOCOL_ERROR',
  'idle: RST_STREAM': 'connection: PROTOCOL_ERROR',
  'idle: WINDOW_UPDATE': 'connection: PROTOCOL_ERROR',
  'idle: CONTINUATION': 'connection: PROTOCOL_ERROR',
  'idle: PRIORITY': '200',
  'half closed: DATA': 'connection: STREAM_CLOSED',
  'half closed: HEADERS': 'connection: STREAM_CLOSED',
  'half closed: CONTINUATION': 'connection: PROTOCOL_ERROR',
  'half closed: WINDOW_UPDATE': 'nothing',
  'reset by the client: DATA': '200',
  'reset by the client: CONTINUATION': 'connection: PROTOCOL_ERROR',
  'reset by the client: WINDOW_UPDATE': '200',
  'ended: DATA': 'nothing',
  'ended: HEADERS': 'nothing',
  'ended: WINDOW_UPDATE': 'nothing',
  'ended: RST_STREAM': 'nothing',
});
