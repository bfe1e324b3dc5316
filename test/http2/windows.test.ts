// Windows that the client sets: not a byte more is sent than they allow, and none can be too large
// (RFC 9113 6.9).

import { meets } from './hostile.ts';

await meets('windows', {
  'a window of 1 byte': '1 bytes',
  'a window of 0 that SETTINGS open by 7': '7 bytes',
  'a window of 10, used, then 0, then 12 more': '2 bytes',
  'two sizes in one SETTINGS': '3 bytes',
  'WINDOW_UPDATE of 0 for the connection': 'connection: PROTOCOL_ERROR',
  'WINDOW_UPDATE beyond 2^31-1 for the connection': 'connection: FLOW_CONTROL_ERROR',
  'WINDOW_UPDATE beyond 2^31-1 for a stream': 'stream: FLOW_CONTROL_ERROR, then 200',
  'SETTINGS by which the window of a stream exceeds 2^31-1': 'stream: FLOW_CONTROL_ERROR, then 200',
});
