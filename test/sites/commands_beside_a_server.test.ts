// Commands on the server's host reach its objects, whatever host and paths its sites take.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';

const site = await createSite({
  buckets: { web: 'versioned' },
  sites: ['127.0.0.1', 'localhost', '*'].map((host) => ({ host, bucket: 'web' })),
});
const server = await TestServer.start(site, '--listen', 'http://127.0.0.1:0', '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});

test('sites at / of all hosts of loopback: put, get and ls beside the server work', async () => {
  const [token, file, fetched] = ['token', 'file', 'fetched'].map((name) => join(site.dir, name));
  const beside = ['--config', site.config, '--token-file', token ?? ''];
  await writeFile(token ?? '', site.token, { mode: 0o600 });
  await writeFile(file ?? '', 'bytes');
  await runCli('put', file ?? '', 'web/page', ...beside);
  await runCli('get', 'web/page', '--output', fetched ?? '', ...beside);
  assert.match(await runCli('ls', 'web/', ...beside), /page/);
  assert.equal(await (await fetch(`${server.url}/page`)).text(), 'bytes');
});
