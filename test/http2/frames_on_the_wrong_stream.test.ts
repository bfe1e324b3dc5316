// Frames of the connection on a stream, frames of a stream on none, and streams that no client may open
// (RFC 9113 5.1.1, 6). PRIORITY is out of use, and is not looked at where RFC 9218 is spoken.

import { meets } from './hostile.ts';

await meets('streams', {
  DATA: 'connection: PROTOCOL_ERROR',
  HEADERS: 'connection: PROTOCOL_ERROR',
  PRIORITY: 'nothing',
  RST_STREAM: 'connection: PROTOCOL_ERROR',
  CONTINUATION: 'connection: PROTOCOL_ERROR',
  'SETTINGS on stream 1': 'connection: PROTOCOL_ERROR',
  'PING on stream 1': 'connection: PROTOCOL_ERROR',
  'GOAWAY on stream 1': 'connection: PROTOCOL_ERROR',
  PUSH_PROMISE: 'connection: PROTOCOL_ERROR',
  'a request on stream 2': 'connection: PROTOCOL_ERROR',
  'a request on a stream below the last': 'nothing',
});
