// An AES key protects at most ktls.recordsPerKey records: then it is replaced (RFC 8446 section 5.5), or,
// where that is impossible, the connection ends after the response. ChaCha20 keys have no such limit.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { recordClient, said, suites } from '../support/record_client.ts';
import type { Site, TestServer } from '../support/server.ts';
import { kernelRekeys, type Mode, modes, sample, startServer } from './support.ts';

const size = 4 * 2 ** 20;
const recordsPerKey = 64;
const keysNeeded = size / 16_384 / recordsPerKey;
const running = new Map<Mode, { site: Site; server: TestServer; path: string; small: string }>();
const suiteOf = (name: string) => suites.find((suite) => suite.name === name) ?? assert.fail();

before(async () => {
  for (const mode of modes) {
    const { site, server } = await startServer(mode, { recordsPerKey });
    const { path } = await sample(site, server, 'large.bin', size);
    const { path: small } = await sample(site, server, 'small.bin', 100);
    running.set(mode, { site, server, path, small });
  }
});
after(async () => {
  for (const { site, server } of running.values()) {
    await server.stop();
    await site.remove();
  }
});

for (const mode of modes) {
  const replaces = kernelRekeys || mode === 'user' || mode === 'ktls-rx';
  const twice = (path: string) => ['get', path, 'read', size, 'get', path, 'cut', 'end'];

  test(`${mode}: a TLS 1.3 key is replaced, or the connection ends after the response`, async () => {
    const { server, path } = running.get(mode) ?? assert.fail();
    const lines = await recordClient(server, suiteOf('TLS_AES_128_GCM_SHA256'), ...twice(path));
    assert.equal(said(lines, 'alert'), '1 0', lines.join('\n'));
    const received = Number(said(lines, 'received'));
    if (replaces) {
      assert.ok(received > 2 * size, 'both responses');
      assert.ok(Number(said(lines, 'updates')) >= 2 * keysNeeded - 1, lines.join('\n'));
    } else {
      assert.ok(received > size && received < 2 * size, 'the first response alone');
    }
  });

  test(`${mode}: a TLS 1.2 connection ends after the response`, async () => {
    const { server, path } = running.get(mode) ?? assert.fail();
    const lines = await recordClient(server, suiteOf('ECDHE-ECDSA-AES128-GCM-SHA256'), ...twice(path));
    assert.equal(said(lines, 'alert'), '1 0', lines.join('\n'));
    const received = Number(said(lines, 'received'));
    assert.ok(received > size && received < 2 * size, 'the first response alone');
  });

  test(`${mode}: a ChaCha20-Poly1305 key is kept`, async () => {
    const { server, path } = running.get(mode) ?? assert.fail();
    const lines = await recordClient(server, suiteOf('TLS_CHACHA20_POLY1305_SHA256'), ...twice(path));
    assert.ok(Number(said(lines, 'received')) > 2 * size, lines.join('\n'));
    assert.equal(said(lines, 'updates'), '0');
  });

  if (!replaces) continue; // the connection ends instead
  test(`${mode}: the server also asks the client for a new key`, async () => {
    const { server, small } = running.get(mode) ?? assert.fail();
    const before = await server.metric('sealgate_tls_key_updates_received_total');
    // One record per request, each answered before the next is sent.
    const requests = Array.from({ length: 2 * recordsPerKey }, () => ['get', small, 'read', 500]).flat();
    const lines = await recordClient(server, suiteOf('TLS_AES_128_GCM_SHA256'), ...requests, 'cut', 'end');
    assert.equal(said(lines, 'alert'), '1 0', lines.join('\n'));
    assert.ok((await server.metric('sealgate_tls_key_updates_received_total')) > before);
  });
}
