// A file in the place of the control socket is never taken away for it: the server says so and does not
// start.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';

const site = await createSite();
after(() => site.remove());

test('a regular file stays', async () => {
  const path = join(site.dir, 'precious');
  await writeFile(path, 'precious');
  await assert.rejects(TestServer.start(site, '--workers', '1', '--control', `unix:${path}`), /EADDRINUSE/);
  assert.equal(await readFile(path, 'utf8'), 'precious');
});
