// Heads that are no HTTP/1.1: each is refused with a problem that names what is wrong, and ends the
// connection.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, test } from 'node:test';
import { assertProblem } from '../support/problem.ts';
import { createSite, TestServer } from '../support/server.ts';
import { Wire } from '../support/wire.ts';

const site = await createSite();
const both = ['--listen', 'https://127.0.0.1:0', '--listen', 'http://127.0.0.1:0'];
const server = await TestServer.start(site, '--workers', '1', ...both);
after(async () => {
  await server.stop();
  await site.remove();
});

const trust = await readFile(site.certificate, 'utf8');
const host = 'Host: localhost\r\n';
const get = `GET / HTTP/1.1\r\n${host}`;

const heads: [string, string, number, string][] = [
  ['two blanks in the request line', `GET  / HTTP/1.1\r\n${host}\r\n`, 400, 'head-malformed'],
  ['a blank in the target', `GET /a b HTTP/1.1\r\n${host}\r\n`, 400, 'head-malformed'],
  ['a target without its slash', `GET o/files/x HTTP/1.1\r\n${host}\r\n`, 400, 'head-malformed'],
  ['a fragment', `GET /#x HTTP/1.1\r\n${host}\r\n`, 400, 'head-malformed'],
  ['a control character in the target', `GET /\x01 HTTP/1.1\r\n${host}\r\n`, 400, 'head-malformed'],
  ['bytes beyond ASCII in the target', `GET /\xff HTTP/1.1\r\n${host}\r\n`, 400, 'head-malformed'],
  ['bytes that are no request line', '\x00\x01\x02\x03\r\n\r\n', 400, 'head-malformed'],
  ['lines that end with LF alone', 'GET / HTTP/1.1\nHost: localhost\n\n', 400, 'head-malformed'],
  ['CR inside a line', `${get}X: a\rb\r\n\r\n`, 400, 'head-malformed'],
  ['a control character in a value', `${get}X: a\x01b\r\n\r\n`, 400, 'head-malformed'],
  ['DEL in a value', `${get}X: a\x7fb\r\n\r\n`, 400, 'head-malformed'],
  ['a name that is no token', `${get}X(y): a\r\n\r\n`, 400, 'head-malformed'],
  ['NUL in a value', `${get}X: a\0b\r\n\r\n`, 400, 'head-malformed'],
  ['a folded line', `${get}X: a\r\n b\r\n\r\n`, 400, 'head-malformed'],
  ['a field without a colon', `${get}X\r\n\r\n`, 400, 'head-malformed'],
  ['a field without a name', `${get}: x\r\n\r\n`, 400, 'head-malformed'],
  ['a blank before the colon', `${get}X : a\r\n\r\n`, 400, 'head-malformed'],
  ['Range twice', `${get}Range: bytes=0-1\r\nRange: bytes=2-3\r\n\r\n`, 400, 'head-malformed'],
  ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400, 'host-invalid'],
  ['two Hosts', `${get}${host}\r\n`, 400, 'host-invalid'],
  ['a Host with a path', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n', 400, 'host-invalid'],
  ['a version to come', `GET / HTTP/1.2\r\n${host}\r\n`, 505, 'version-unsupported'],
  ['a preface that is not quite that of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\n\n', 505, 'version-unsupported'],
  ['no version, as HTTP/0.9 has it', `GET /\r\n${host}\r\n`, 505, 'version-unsupported'],
  ['a version long gone', `GET / HTTP/0.9\r\n${host}\r\n`, 505, 'version-unsupported'],
];

for (const url of server.urls) {
  const scheme = new URL(url).protocol;
  for (const [what, head, status, title] of heads) {
    test(`${scheme} ${what}: ${status} ${title}`, async () => {
      const wire = await Wire.open(url, trust);
      wire.send(head);
      const refused = await wire.response();
      assertProblem(refused, status, title);
      assert.equal(refused.headers.get('connection'), 'close');
      assert.deepEqual(await wire.ended(), { by: 'end', rest: '' });
    });
  }
}

test('the refusals are counted by their names', async () => {
  const counted = (title: string) => server.metric(`sealgate_problems_total{problem="${title}"}`);
  for (const title of new Set(heads.map(([, , , each]) => each))) {
    const sent = heads.filter(([, , , each]) => each === title).length * server.urls.length;
    assert.equal(await counted(title), sent, title);
  }
});

test('after malformed heads the server serves', async () => {
  assert.equal((await server.curl('/')).status, 200);
});
