// A file at the path of the control socket is never removed: the server reports it and does not start.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';

const site = await createSite();
after(() => site.remove());

test('a regular file at the path of the socket: no start, and the file stays', async () => {
  const path = join(site.dir, 'precious');
  await writeFile(path, 'precious');
  await assert.rejects(TestServer.start(site, '--workers', '1', '--control', `unix:${path}`), /EADDRINUSE/);
  assert.equal(await readFile(path, 'utf8'), 'precious');
});
