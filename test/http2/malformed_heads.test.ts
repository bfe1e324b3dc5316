// Requests that nghttp2 lets through, or mends, and that are wrong: what another server before or behind this
// one could read differently.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { code, type Field, Http2Wire, request } from '../support/http2_wire.ts';
import { serve } from './support.ts';

const served = await serve();
after(served.stop);

/** What becomes of a request; another on the same connection is answered after it. */
async function fate(fields: Field[]): Promise<string> {
  const wire = await Http2Wire.open(served.clear);
  wire.ask(1, fields);
  const fateOf = await wire.status(1).then(String, (cause: Error) => cause.message);
  wire.ask(3, request('GET', '/o/files/small'));
  assert.equal(await wire.status(3), 200);
  wire.close();
  return fateOf;
}

const reset = `reset by ${code.protocolError}`;
const get = (...fields: Field[]) => request('GET', '/o/files/small', ...fields);
const without = (name: string, ...fields: Field[]) => [...get().filter(([each]) => each !== name), ...fields];
const having = (name: string, value: string) =>
  get().map(([each, was]): Field => [each, each === name ? value : was]);

const cases: [what: string, fields: Field[], expected: string][] = [
  ['Host as :authority', get(['host', 'localhost']), '200'],
  ['Host alone', without(':authority', ['host', 'localhost']), '200'],
  ['another Host than :authority', get(['host', 'other.example']), '400'],
  ['neither', without(':authority'), reset],
  [':authority with a user', having(':authority', 'user@localhost'), '400'],
  [':authority with a path', having(':authority', 'localhost/x'), reset],
  ['an empty host', having(':authority', ':80'), '400'],
  [':scheme ftp', having(':scheme', 'ftp'), '400'],
  [':path with #', having(':path', '/o/files/small#x'), '400'],
  [':path beyond ASCII', having(':path', '/o/files/\xfc'), '400'],
  [':path that is a URL', having(':path', 'http://other.example/o/files/small'), reset],
  [':path with a space', having(':path', '/o/files/small HTTP/1.1'), reset],
  [':path empty', having(':path', ''), reset],
  [
    'CONNECT',
    [
      [':method', 'CONNECT'],
      [':authority', 'localhost:1'],
    ],
    '501',
  ],
  ['a method that nobody knows', having(':method', 'FETCH'), '501'],
  ['a method in lower case', having(':method', 'get'), '501'],
  ['a method that is none', having(':method', 'GE T'), reset],
  ['LF in a value', get(['x', 'a\nb: c']), reset],
  ['CR LF in a value', get(['x', 'a\r\nb: c']), reset],
  ['NUL in a value', get(['x', 'a\0b']), reset],
  ['a space before a value', get(['x', ' a']), reset],
  ['a space in a name', get(['x y', 'a']), reset],
  ['a colon in a name', get(['x:y', 'a']), reset],
  ['an empty name', get(['', 'a']), reset],
  ['a name in upper case', get(['X', 'a']), reset],
  ['Connection', get(['connection', 'close']), reset],
  ['Transfer-Encoding', get(['transfer-encoding', 'chunked']), reset],
  ['TE that is not trailers', get(['te', 'gzip']), reset],
  ['a pseudo-header field behind others', [...get(['x', 'a']), [':path', '/']], reset],
  ['a pseudo-header field twice', [...get(), [':path', '/']], reset],
  ['one that nobody knows', [[':x', 'a'], ...get()], reset],
  ['Content-Length twice', get(['content-length', '1'], ['content-length', '2']), reset],
  ['Content-Length with a sign', get(['content-length', '+5']), reset],
  ['Content-Length and no body', get(['content-length', '5']), reset],
  ['Range twice', get(['range', 'bytes=0-1'], ['range', 'bytes=0-2']), '400'],
  ['Expect of something else', get(['expect', '200-ok']), '417'],
];

for (const [what, fields, expected] of cases) {
  test(`${what}: ${expected}`, async () => assert.equal(await fate(fields), expected));
}
