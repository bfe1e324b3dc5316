// An address that the control plane cannot have: the server reports it and does not start. A file at the path
// of its socket is never removed.

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
  await assert.rejects(
    TestServer.start(site, '--workers', '1', '--control', `unix:${path}`),
    /control\.listen: unix:.*: there is a file that is no socket; remove it, or name another path/,
  );
  assert.equal(await readFile(path, 'utf8'), 'precious');
});

test('a socket in a folder that does not exist: no start, and the folder is what is missed', async () => {
  const url = `unix:${join(site.dir, 'none/control.sock')}`;
  await assert.rejects(
    TestServer.start(site, '--workers', '1', '--control', url),
    /control\.listen: unix:.*none\/control\.sock: its folder does not exist; make it/,
  );
});

test('the address of another control plane: no start, and setting and address are named', async () => {
  const server = await TestServer.start(site, '--workers', '1');
  const other = await createSite();
  try {
    const { control = '' } = server;
    const starting = TestServer.start(other, '--workers', '1', '--control', control);
    await assert.rejects(starting, (error: Error) => {
      assert.ok(
        error.message.includes(
          `control.listen: 127.0.0.1 port ${new URL(control).port}: is in use; end what`,
        ),
        error.message,
      );
      return true;
    });
  } finally {
    await server.stop();
    await other.remove();
  }
});
