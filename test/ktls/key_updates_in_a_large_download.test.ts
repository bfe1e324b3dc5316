// A thousand KeyUpdates during a download of 300 MiB, half of which request one from the server: the digest
// is right and the connection continues.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { recordClient, said, suites } from '../support/record_client.ts';
import type { Site, TestServer } from '../support/server.ts';
import { kernelRekeys, largeSample, startServer, tlsStat } from './support.ts';

const size = 300 * 2 ** 20;
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

test('1000 KeyUpdates during a download of 300 MiB: the digest is right', async () => {
  const before = tlsStat('TlsTxRekeyOk');
  const head = (await server.curl(large.path, '-r', '0-0')).headers;
  assert.equal(head.get('etag'), `"${large.digest}"`);
  const suite = suites[0] ?? assert.fail();
  const lines = await recordClient(
    server,
    suite,
    'body',
    'get',
    large.path,
    'read',
    size,
    1000,
    'cut',
    'end',
  );
  assert.equal(said(lines, 'alert'), '1 0', lines.join('\n'));
  assert.equal(said(lines, 'digest'), large.digest);
  // A kernel that cannot replace keys finishes the response with the old key and ends the connection.
  const replaced = kernelRekeys ? 100 : 0;
  assert.ok(Number(said(lines, 'updates')) >= replaced, 'ours went out while the response did');
  assert.ok(tlsStat('TlsTxRekeyOk') - before >= replaced);
  assert.equal(tlsStat('TlsTxRekeyError') + tlsStat('TlsRxRekeyError'), 0);
});
