// When the reader of its output closes the pipe, as `head` does, a command ends without an error message.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runCli, spawnCli, text } from '../support/runtime.ts';
import { createSite } from '../support/server.ts';
import { writeTree } from '../support/tree.ts';

const site = await createSite();
after(() => site.remove());
const names = Array.from({ length: 1500 }, (_, i) => [`${'long name '.repeat(15)}${i}`, 'x']);
await writeTree(join(site.dir, 'tree'), Object.fromEntries(names));
await runCli('import', join(site.dir, 'tree'), '--config', site.config);
await writeFile(join(site.dir, 'large'), Buffer.alloc(8 * 1024 * 1024, 'x'));
await runCli('put', join(site.dir, 'large'), 'files/large', '--config', site.config);

// More than a pipe holds.
for (const args of [
  ['ls', 'files'],
  ['ls', 'files', '--json'],
  ['get', 'files/large'],
]) {
  test(`sealgate ${args.join(' ')} into a closed pipe ends silently`, async () => {
    const child = spawnCli([...args, '--config', site.config]);
    const errors = text(child.stderr);
    const closed = once(child, 'close');
    assert.ok(child.stdout);
    await once(child.stdout, 'data');
    child.stdout.destroy();
    const [status] = await closed;
    assert.equal(errors(), '');
    assert.ok(status === 0 || status === 141, `status ${status}`);
  });
}
