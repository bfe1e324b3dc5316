// A server that root starts binds a privileged port, and is another user from then on, with all of its
// threads.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';

const site = await createSite();
after(() => site.remove());
const skip = process.getuid?.() !== 0 && 'only root can become another user';
// Nobody else listens there.
const host = `127.8.${process.pid % 250}.${(process.pid >> 8) % 250}`;
const listen = ['--listen', `http://${host}:443`, '--workers', '2', '--user', 'nobody:nogroup'];

test("a store that is root's: no start, and the user and the store are named", { skip }, async () => {
  await chmod(site.dir, 0o755);
  const path = join(site.dir, 'store');
  await assert.rejects(TestServer.start(site, ...listen), (error: Error) => {
    assert.ok(
      error.message.includes(`user: nobody:nogroup may not write to the store ${path}`),
      error.message,
    );
    return true;
  });
});

test('a user that there is not: no start', { skip }, async () => {
  const starting = TestServer.start(site, ...listen, '--user', 'nobody-of-this-name');
  await assert.rejects(starting, /user: nobody-of-this-name: there is no user nobody-of-this-name/);
});

/** Root starts another one, which takes over as that user; without that user it is told to name it. */
async function assertReplaced(server: TestServer, user: number): Promise<void> {
  const asRoot = TestServer.start(site, '--listen', `http://${host}:443`, '--replace');
  await assert.rejects(asRoot, new RegExp(`running server is of user ${user}; .*, or as root with --user`));
  const next = await TestServer.start(site, ...listen, '--replace');
  try {
    assert.equal(await server.ended(), 0);
    assert.match(
      await readFile(`/proc/${next.pid}/status`, 'utf8'),
      new RegExp(`^Uid:(\\s${user}){4}$`, 'm'),
    );
    assert.equal(await (await fetch(`http://${host}:443/o/files/a`)).text(), 'stored');
  } finally {
    assert.equal(await next.stop(), 0);
  }
}

test("port 443 as nobody: no thread keeps root, uploads are stored and are nobody's", { skip }, async () => {
  execFileSync('chown', ['-R', 'nobody:nogroup', site.dir]);
  const server = await TestServer.start(site, ...listen);
  try {
    const nobody = Number(execFileSync('id', ['-u', 'nobody'], { encoding: 'utf8' }));
    const tasks = `/proc/${server.pid}/task`;
    for (const task of await readdir(tasks)) {
      const status = await readFile(`${tasks}/${task}/status`, 'utf8');
      assert.match(status, new RegExp(`^Uid:(\\s${nobody}){4}$`, 'm'), task);
      assert.match(status, /^CapEff:\s0+$/m, task);
    }
    const put = await fetch(`http://${host}:443/o/files/a`, {
      method: 'PUT',
      headers: { Authorization: `Bearer ${site.token}` },
      body: 'stored',
    });
    assert.equal(put.status, 201, await put.text());
    assert.equal(await (await fetch(`http://${host}:443/o/files/a`)).text(), 'stored');
    assert.equal((await stat(join(site.dir, 'store', 'server.json'))).uid, nobody);
    await assertReplaced(server, nobody);
  } finally {
    assert.equal(await server.stop(), 0);
  }
});
