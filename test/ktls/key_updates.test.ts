// KeyUpdates (RFC 8446 4.6.3) lose no connection and no byte, whoever sends and receives on our side, whether
// ours is requested, between requests and in the middle of a response. A kernel that cannot replace a key
// finishes the response and ends the connection in order.

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
  // Replacing the sending key needs the kernel's help when it sends.
  const endsOnRequest = !kernelRekeys && (mode === 'ktls-tx' || mode === 'ktls-txrx');

  test(`${mode}: updates between requests, ours not requested`, async () => {
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

  test(`${mode}: an update that requests ours, before and during a response`, async () => {
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
        'cut',
        'end',
      ],
    );
    assert.equal(said(lines, 'alert'), '1 0', lines.join('\n'));
    const received = Number(said(lines, 'received'));
    if (endsOnRequest) assert.ok(received > size && received < 2 * size, `the first response: ${received}`);
    else assert.ok(received > 2 * size, `both responses: ${received}`);
    assert.equal(Number(said(lines, 'updates')) > 0, !endsOnRequest);
  });

  // OpenSSL puts the message together. The kernel takes its first byte for the end of the key.
  test(`${mode}: an update over two records`, async () => {
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

// Nothing to show where no key can be replaced.
for (const suite of kernelRekeys ? tls13 : []) {
  test(`${suite.name}: updates in both directions`, async () => {
    const { server, path } = running.get('ktls-txrx') ?? assert.fail();
    const lines = await recordClient(server, suite, 'get', path, 'read', size, 20, 'get', path, 'cut', 'end');
    assert.equal(said(lines, 'alert'), '1 0', lines.join('\n'));
    assert.ok(Number(said(lines, 'received')) > 2 * size);
    // Requests that arrive together are answered together.
    assert.ok(Number(said(lines, 'updates')) > 0);
  });
}
