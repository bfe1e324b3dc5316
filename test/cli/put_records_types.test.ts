// put: which media type is recorded, and what is refused as one.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, spawnCli } from '../support/runtime.ts';
import { createSite } from '../support/server.ts';

const site = await createSite();
after(() => site.remove());
const file = join(site.dir, 'file');
await writeFile(file, 'bytes');
const put = (...args: string[]) => outcome(spawnCli(['put', file, ...args, '--config', site.config]));

for (const [what, type, told] of [
  ['no type', '', '""'],
  ['a type with a line break', 'text/html\r\nSet-Cookie: a=b', '"text/html\\r\\nSet-Cookie'],
  ['half a type', 'text', '"text"'],
] as const) {
  test(`--type with ${what} is refused with status 2`, async () => {
    const { status, stdout, stderr } = await put('files/a', '--type', type);
    assert.deepEqual([status, stdout], [2, '']);
    assert.ok(
      stderr.startsWith(`sealgate: --type: expected a media type like text/html, got ${told}`),
      stderr,
    );
  });
}
