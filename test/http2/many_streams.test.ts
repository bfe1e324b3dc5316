// Many streams on one connection, with Node's client: all answers are whole, whatever is asked beside them.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type ClientHttp2Session, connect } from 'node:http2';
import { after, test } from 'node:test';
import { large, serve, small } from './support.ts';

const served = await serve();
after(served.stop);

async function get(session: ClientHttp2Session, path: string): Promise<{ status: unknown; body: Buffer }> {
  const stream = session.request({ ':path': path });
  stream.end();
  const [head] = await once(stream, 'response');
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece as Buffer);
  return { status: head[':status'], body: Buffer.concat(pieces) };
}

for (const at of ['url', 'clear'] as const) {
  test(`${at === 'url' ? 'TLS' : 'in the clear'}: many small, large and missing files at once`, async () => {
    const url = at === 'url' ? served.server.url.replace('127.0.0.1', 'localhost') : served.clear;
    const session = connect(url, { ca: await readFile(served.site.certificate) });
    const paths = ['/o/files/small', '/o/files/large', '/o/files/none'];
    const answers = await Promise.all(Array.from({ length: 99 }, (_, n) => get(session, paths[n % 3] ?? '')));
    answers.forEach(({ status, body }, n) => {
      assert.equal(status, n % 3 === 2 ? 404 : 200);
      if (n % 3 < 2) assert.ok(body.equals(n % 3 === 0 ? small : large));
    });
    session.close();
    await once(session, 'close');
  });
}
