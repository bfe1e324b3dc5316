// Heads in pieces and out of order (RFC 9113 4.3, 6.10), blocks that cannot be decoded (RFC 7541), and
// trailers.

import { meets } from './hostile.ts';

await meets('heads', {
  'a block that breaks off': 'connection: COMPRESSION_ERROR',
  'an index of 0': 'connection: COMPRESSION_ERROR',
  'an index beyond the table': 'connection: COMPRESSION_ERROR',
  'an integer without an end': 'connection: COMPRESSION_ERROR',
  'a size of the table above the limit': 'connection: COMPRESSION_ERROR',
  'a size of the table at the end of a block': 'connection: COMPRESSION_ERROR',
  'a size of the table that is smaller': '200',
  'a table from which entries go': '200',
  'Huffman with more than 7 bits of padding': 'connection: COMPRESSION_ERROR',
  'Huffman with padding of zeros': 'connection: COMPRESSION_ERROR',
  'Huffman with the end of the string in it': 'connection: COMPRESSION_ERROR',
  'PRIORITY before CONTINUATION': 'connection: PROTOCOL_ERROR',
  'DATA before CONTINUATION': 'connection: PROTOCOL_ERROR',
  'a type that nobody knows before CONTINUATION': 'connection: PROTOCOL_ERROR',
  'HEADERS of another stream before CONTINUATION': 'connection: PROTOCOL_ERROR',
  'CONTINUATION of another stream': 'connection: PROTOCOL_ERROR',
  'CONTINUATION behind the end of the head': 'connection: PROTOCOL_ERROR',
  'a head with padding and priority': '200',
  'trailers without END_STREAM': 'stream: PROTOCOL_ERROR, then 200',
  'trailers with a pseudo-header field': 'stream: PROTOCOL_ERROR, then 200',
  'trailers with a name in upper case': 'stream: PROTOCOL_ERROR, then 200',
});
