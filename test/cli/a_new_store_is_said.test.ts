// A store is made where there is none. That is said, since the name of the folder may be a slip.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, spawnCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';

const site = await createSite();
after(() => site.remove());
const said = 'there was no store here, and an empty one was made';

test('put into a folder without a store: said with its path, and only the first time', async () => {
  const file = join(site.dir, 'file');
  await writeFile(file, 'content');
  const store = join(site.dir, 'other');
  const put = () => outcome(spawnCli(['put', file, 'files/a', '--config', site.config, '--store', store]));
  const first = await put();
  assert.deepEqual([first.status, first.stderr], [0, `${store}: ${said}\n`]);
  const second = await put();
  assert.deepEqual([second.status, second.stderr], [0, '']);
});

test('serve where no store is yet: logged with its path, and not at the next start', async () => {
  const store = join(site.dir, 'third');
  for (const isNew of [true, false]) {
    const server = await TestServer.start(site, '--workers', '1', '--store', store);
    await server.stop();
    assert.equal(server.log().includes(`"store":"${store}","msg":"${said}"`), isNew, server.log());
  }
});
