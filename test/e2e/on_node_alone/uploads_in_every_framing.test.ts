// Uploads over a real connection: a body arrives completely in every framing, and an incomplete one leaves
// nothing.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { createSite, TestServer } from '../../support/server.ts';

const site = await createSite();
const server = await TestServer.start(site, '--workers', '2');
after(async () => {
  await server.stop();
  await site.remove();
});

const bytes = Buffer.alloc(1024 * 1024 + 17, 'upload ');
const file = join(site.dir, 'file');
await writeFile(file, bytes);
const staged = () => readdir(join(site.dir, 'store', 'staging'));
const aborted = () => server.metric('sealgate_uploads_aborted_total');

/** Waits until the server's value is the expected one. */
async function reaches(value: () => Promise<number>, expected: number): Promise<void> {
  for (const end = performance.now() + 10_000; (await value()) < expected; ) {
    assert.ok(performance.now() < end, `still ${await value()}, not ${expected}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const framings = {
  length: [],
  'length at once': ['-H', 'Expect:'],
  chunked: ['-H', 'Transfer-Encoding: chunked'],
  'chunked at once': ['-H', 'Transfer-Encoding: chunked', '-H', 'Expect:'],
};
for (const [framing, args] of Object.entries(framings)) {
  test(`a body with ${framing} is stored`, async () => {
    const path = `/o/files/framing/${encodeURIComponent(framing)}`;
    const made = await server.put(path, file, ...args);
    assert.equal(made.status, 201);
    assert.equal(JSON.parse(made.body.toString()).digest, createHash('sha256').update(bytes).digest('hex'));
    assert.ok((await server.curl(path)).body.equals(bytes));
    assert.deepEqual(await staged(), []);
  });
}

test('an empty body is stored', async () => {
  await writeFile(join(site.dir, 'empty'), '');
  assert.equal((await server.put('/o/files/empty', join(site.dir, 'empty'))).status, 201);
  const empty = await server.curl('/o/files/empty');
  assert.deepEqual([empty.status, empty.body.length], [200, 0]);
});

test('Expect: 100-continue: a refused body is never sent', async () => {
  const refused = await server.curl('/o/files/x', '-T', file, '-H', 'Authorization: Bearer sgt_none');
  assert.deepEqual([refused.status, JSON.parse(refused.body.toString()).title], [401, 'token-unknown']);
  assert.equal((await server.curl('/')).status, 200);
});

for (const cut of ['Content-Length: 1000\r\n\r\n123', 'Transfer-Encoding: chunked\r\n\r\n5\r\n123']) {
  test(`a client that goes away after ${JSON.stringify(cut.slice(0, 18))} leaves nothing`, async () => {
    const before = await aborted();
    const socket = await connected();
    socket.write(
      `PUT /o/files/cut HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${site.token}\r\n${cut}`,
    );
    await reaches(() => server.metric('sealgate_connections{state="receiving"}'), 1);
    socket.destroy();
    await reaches(aborted, before + 1);
    assert.equal((await server.curl('/o/files/cut')).status, 404);
    assert.deepEqual(await staged(), []);
  });
}

async function connected(): Promise<TLSSocket> {
  const { hostname, port } = new URL(server.url);
  const ca = await readFile(site.certificate);
  const socket = connect({ host: hostname, port: Number(port), ca, servername: 'localhost' });
  await once(socket, 'secureConnect');
  return socket;
}
