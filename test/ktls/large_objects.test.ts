// Large objects are downloaded and uploaded through kernel TLS with each protocol and cipher and arrive
// unchanged.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { suites } from '../support/record_client.ts';
import { outcome } from '../support/runtime.ts';
import type { Site, TestServer } from '../support/server.ts';
import { curlFlags, kernelRekeys, largeSample, startServer, tlsStat } from './support.ts';

// The older kernel takes several times as long, so its objects are smaller.
const size = (kernelRekeys ? 300 : 100) * 2 ** 20;
let site: Site;
let server: TestServer;
let large: Awaited<ReturnType<typeof largeSample>>;

before(async () => {
  ({ site, server } = await startServer('ktls-txrx'));
  large = await largeSample(site, server, 'large.bin', size);
});
after(async () => {
  await server.stop();
  await site.remove();
});

// The older kernel differs in rekeying, not in ciphers, so one suite per protocol is enough there.
const chosen = kernelRekeys ? suites : suites.filter(({ cipher }) => cipher === 'AES-128-GCM');
for (const suite of chosen) {
  test(`${suite.name}: large objects arrive as they were stored`, async () => {
    const before = tlsStat('TlsTxSw');
    const flags = [...curlFlags(suite), '--cacert', site.certificate, '-sS', '--max-time', '240'];
    const curl = spawn('curl', [...flags, server.url + large.path], { stdio: ['ignore', 'pipe', 'inherit'] });
    const hash = createHash('sha256');
    let received = 0;
    curl.stdout.on('data', (piece: Buffer) => {
      received += piece.length;
      hash.update(piece);
    });
    const { status } = await outcome(curl);
    assert.equal(status, 0);
    assert.equal(received, size);
    assert.equal(hash.digest('hex'), large.digest);
    assert.equal(tlsStat('TlsTxSw') - before, 1);
  });
}

test('large uploads through kernel TLS arrive unchanged', async () => {
  const before = tlsStat('TlsRxSw');
  const { status } = await server.put(`/sha256/${large.digest}`, large.blob);
  assert.equal(status, 200, 'the same bytes as were there');
  // TLS 1.3 receiving is not moved into a kernel that cannot replace the receiving key.
  const flags = ['--tls-max', '1.2'];
  assert.equal((await server.put(`/sha256/${large.digest}`, large.blob, ...flags)).status, 200);
  assert.ok(tlsStat('TlsRxSw') > before);
  assert.ok((await server.metric('sealgate_ktls_receive_connections_total')) > 0);
});
