// KeyUpdates (RFC 8446 section 4.6.3) lose no byte, whoever protects and opens records on the server,
// requested or not, between requests and during a response. A kernel that cannot replace keys lets the
// response finish and ends the connection cleanly.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { recordClient, said, suites } from '../support/record_client.ts';
import type { Site, TestServer } from '../support/server.ts';
import { kernelRekeys, modes, sample, startServer } from './support.ts';

const size = 8 * 2 ** 20;
const cases = modes.map((mode) => ({ mode }));
const running = new Map<string, { site: Site; server: TestServer; path: string; body: Buffer }>();
const tls13 = suites.filter(({ version }) => version === 'tls13');

before(async () => {
  for (const { mode } of cases) {
    const { site, server } = await startServer(mode);
    const { path, bytes } = await sample(site, server, 'large.bin', size);
    running.set(mode, { site, server, path, body: bytes });
  }
});
after(async () => {
  for (const { site, server } of running.values()) {
    await server.stop();
    await site.remove();
  }
});

for (const { mode } of cases) {
  // When the kernel sends, only the kernel can replace the sending key.
  const endsOnRequest = !kernelRekeys && (mode === 'ktls-tx' || mode === 'ktls-txrx');

  test(`${mode}: KeyUpdates between requests, none requested from the server`, async () => {
    const { server, path } = running.get(mode) ?? assert.fail();
    const lines = await recordClient(
      server,
      tls13[0] ?? assert.fail(),
      ...['get', path, 'read', size, 'update', 0, 'update', 0, 'get', path, 'read', size],
      ...['text', 'GET /healthz HTTP/1.1\\r\\nHost: t\\r\\nConnection: close\\r\\n\\r\\n', 'end'],
    );
    assert.equal(said(lines, 'alert'), '1 0', lines.join('\n'));
    assert.ok(Number(said(lines, 'received')) > 2 * size);
  });

  test(`${mode}: a KeyUpdate that requests one from the server, before and during a response`, async () => {
    const { server, path } = running.get(mode) ?? assert.fail();
    const lines = await recordClient(
      server,
      tls13[0] ?? assert.fail(),
      ...[
        'get',
        path,
        'read',
        size / 2,
        'update',
        1,
        'read',
        size / 2,
        'update',
        1,
        'get',
        path,
        'get',
        path,
        'cut',
        'end',
      ],
    );
    assert.equal(said(lines, 'alert'), '1 0', lines.join('\n'));
    const received = Number(said(lines, 'received'));
    // The server may have given all of the first response to the kernel before it hears of a KeyUpdate, and
    // ends after the second then.
    if (endsOnRequest) assert.ok(received > size && received < 3 * size, `not the third: ${received}`);
    else assert.ok(received > 3 * size, `all responses: ${received}`);
    assert.equal(Number(said(lines, 'updates')) > 0, !endsOnRequest);
  });

  // OpenSSL reassembles the message; the kernel stops at its first byte, since it takes that for a key
  // change.
  test(`${mode}: a KeyUpdate message split over two records`, async () => {
    const { server, path } = running.get(mode) ?? assert.fail();
    const lines = await recordClient(
      server,
      tls13[0] ?? assert.fail(),
      ...['get', path, 'read', size, 'split-update', 'get', path, 'cut', 'end'],
    );
    const byKernel = kernelRekeys && (mode === 'ktls-rx' || mode === 'ktls-txrx');
    if (byKernel) assert.equal(said(lines, 'alert'), '2 10', lines.join('\n'));
    else assert.ok(Number(said(lines, 'received')) > 2 * size, lines.join('\n'));
  });
}

// Skipped on kernels that cannot replace keys.
for (const suite of kernelRekeys ? tls13 : []) {
  test(`${suite.name}: KeyUpdates in both directions`, async () => {
    const { server, path } = running.get('ktls-txrx') ?? assert.fail();
    const lines = await recordClient(server, suite, 'get', path, 'read', size, 20, 'get', path, 'cut', 'end');
    assert.equal(said(lines, 'alert'), '1 0', lines.join('\n'));
    assert.ok(Number(said(lines, 'received')) > 2 * size);
    // Requests that arrive together are answered together, so the number of updates varies.
    assert.ok(Number(said(lines, 'updates')) > 0);
  });
}
