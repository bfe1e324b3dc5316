// Objects arrive unchanged through kernel TLS, for each protocol and cipher and for sizes around a record's,
// and the kernel really sends them.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { suites } from '../support/record_client.ts';
import type { Site, TestServer } from '../support/server.ts';
import { curlFlags, sample, sha256, startServer, tlsStat } from './support.ts';

const sizes = [0, 1, 16_383, 16_384, 16_385, 2 ** 20 + 1];
let site: Site;
let server: TestServer;
const samples = new Map<number, Awaited<ReturnType<typeof sample>>>();

before(async () => {
  ({ site, server } = await startServer('ktls-txrx'));
  for (const size of sizes) samples.set(size, await sample(site, server, `${size}.bin`, size));
});
after(async () => {
  await server.stop();
  await site.remove();
});

for (const suite of suites) {
  test(`${suite.name}: every size arrives as it was stored`, async () => {
    const [connections, bytes] = await counted();
    for (const [size, { path, digest }] of samples) {
      const { status, body } = await server.curl(path, ...curlFlags(suite));
      assert.equal(status, 200);
      assert.equal(body.length, size);
      assert.equal(sha256(body), digest);
    }
    const [connectionsAfter, bytesAfter] = await counted();
    assert.equal(connectionsAfter - connections, sizes.length, 'connections that the kernel took');
    assert.ok(bytesAfter - bytes >= sizes.reduce((sum, size) => sum + size), 'bytes by the kernel');
  });

  test(`${suite.name}: ranges arrive as they were stored`, async () => {
    const { path, bytes } = samples.get(2 ** 20 + 1) ?? assert.fail();
    for (const [first, last] of [
      [0, 0],
      [16_383, 16_384],
      [5, 999_999],
      [2 ** 20, 2 ** 20],
    ] as const) {
      const { status, body } = await server.curl(path, ...curlFlags(suite), '-r', `${first}-${last}`);
      assert.equal(status, 206);
      assert.equal(sha256(body), sha256(bytes.subarray(first, last + 1)));
    }
    const { headers, body } = await server.curl(path, ...curlFlags(suite), '-r', '1-20000,500000-500009');
    const boundary = /boundary=(\S+)/.exec(headers.get('content-type') ?? '')?.[1] ?? '';
    const parts = body.toString('latin1').split(`--${boundary}`).slice(1, -1);
    const contents = parts.map((part) => part.slice(part.indexOf('\r\n\r\n') + 4, -2));
    assert.deepEqual(contents, [
      bytes.toString('latin1', 1, 20_001),
      bytes.toString('latin1', 500_000, 500_010),
    ]);
  });
}

/** The kernel's count of sending connections, and the server's count of bytes sent by the kernel. */
async function counted(): Promise<[number, number]> {
  const bytes = (path: string) => server.metric(`sealgate_sent_bytes_total{delivery="${path}"}`);
  return [tlsStat('TlsTxSw'), (await bytes('ktls-sendfile')) + (await bytes('ktls-send'))];
}
