// Commands that change a shared bucket: through a server, and never past the store that it is shared over.

import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Ceph } from '../support/ceph.ts';
import { runCli } from '../support/runtime.ts';
import { SharingNode } from '../support/sharing.ts';

const ceph = await Ceph.start();
const node = await SharingNode.start(ceph.url());
after(async () => {
  await node.end();
  await ceph.end();
});

const files = join(node.site.dir, 'files');
const file = join(files, 'a.txt');
await mkdir(files);
await writeFile(file, 'by a command');
const tokenFile = join(node.site.dir, 'token');
await writeFile(tokenFile, node.site.token, { mode: 0o600 });
const cli = (...args: string[]) => runCli(...args, '--config', node.site.config);

test('put while the server runs is in the store', async () => {
  await cli('put', file, 'web/put', '--token-file', tokenFile);
  assert.equal((await ceph.ask('GET', 'refs/web/put')).status, 200);
  assert.equal(await node.get('/o/web/put'), 'by a command');
});

test('put, rm, cp, import and restore are refused while no server runs, and change nothing', async () => {
  await node.server.stop();
  const commands = [
    ['put', file, 'web/lost'],
    ['rm', 'web/put'],
    ['cp', 'web/put', 'web/copy'],
    ['import', files, '--bucket', 'web'],
    ['restore', 'web/put', '--to', '1'],
  ];
  for (const command of commands) await assert.rejects(cli(...command), /several servers share this bucket/);
  await cli('put', file, 'own/put');
  await node.restart();
  assert.equal(await node.get('/o/web/put'), 'by a command');
  assert.equal(await node.get('/o/own/put'), 'by a command');
});
