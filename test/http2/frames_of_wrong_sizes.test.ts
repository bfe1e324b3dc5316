// Frames that are too large, too small for their type, or padded with more than they have (RFC 9113 4.2, 6).

import { meets } from './hostile.ts';

await meets('sizes', {
  'DATA of 16384 bytes': 'nothing',
  'DATA of 16385 bytes': 'connection: FRAME_SIZE_ERROR',
  'HEADERS of 16385 bytes': 'connection: FRAME_SIZE_ERROR',
  'a frame that says 16 MiB': 'connection: FRAME_SIZE_ERROR',
  'PRIORITY of 4 bytes': 'connection: FRAME_SIZE_ERROR',
  'RST_STREAM of 3 bytes': 'connection: FRAME_SIZE_ERROR',
  'SETTINGS of 5 bytes': 'connection: FRAME_SIZE_ERROR',
  'an acknowledgement of SETTINGS with a setting': 'connection: FRAME_SIZE_ERROR',
  'PING of 6 bytes': 'connection: FRAME_SIZE_ERROR',
  'GOAWAY of 7 bytes': 'connection: FRAME_SIZE_ERROR',
  'WINDOW_UPDATE of 3 bytes': 'connection: FRAME_SIZE_ERROR',
  'padding longer than DATA': 'connection: PROTOCOL_ERROR',
  'padding longer than HEADERS': 'connection: PROTOCOL_ERROR',
  'DATA with a flag that nobody knows': 'nothing',
});
