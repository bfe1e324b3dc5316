// Each step of an import that writes to disk fails once, with each error that a disk or the limit of open
// files gives: the command says what failed and ends with an error, or has imported the file; done again it
// succeeds, and nothing that it said was imported is lost. FAULTS=all takes every step below the store and
// every error (`make faults`), else some steps of the metadata.

import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, spawnCli } from '../support/runtime.ts';
import { createSite } from '../support/server.ts';
import { sha256 } from '../support/store.ts';
import { bucketDigests } from '../support/tree.ts';
import { type ErrorName, eachStep, errors, Faults, takesAll } from './shim.ts';

/** More than the import of a file has. */
const maxSteps = 120;
const stride = takesAll ? 1 : 3;

const site = await createSite();
const below = takesAll ? 'store/' : 'store/meta/data.mdb';
const faults = new Faults(site.dir, `${site.dir}/${below}`);
after(() => site.remove());
const imported = new Map<string, string>();
let rounds = 0;

async function assertHeld(): Promise<void> {
  const found = await bucketDigests(join(site.dir, 'store'), 'files');
  for (const [name, digest] of imported) assert.equal(found[name], digest, name);
}

const run = (tree: string) => outcome(spawnCli(['import', tree, '--config', site.config]));

async function inject(number: number, error: ErrorName): Promise<string | undefined> {
  const name = `round-${++rounds}`;
  const tree = join(site.dir, 'trees', name);
  await mkdir(tree, { recursive: true });
  await writeFile(join(tree, name), `bytes of ${name}`);
  const { hit, result } = await faults.during({ number, error }, () => faults.within(() => run(tree)));
  const { status, stdout, stderr } = result;
  assert.ok([0, 1, 74].includes(status ?? -1), `${hit}: status ${status}\n${stdout}${stderr}`);
  if (hit === undefined) assert.equal(status, 0, stderr);
  // LMDB's library prints the error that it met, too, before that or after it.
  else if (status !== 0) {
    assert.match(stderr, /^sealgate: .+$/m, hit);
    const lines = stderr.split('\n').filter((line) => line.startsWith('sealgate: '));
    assert.ok(
      lines.some((line) => line.includes(site.dir)),
      `${hit}: no path in ${stderr}`,
    );
  }
  if (status === 0) imported.set(name, sha256(`bytes of ${name}`));
  else {
    const again = await run(tree);
    assert.equal(again.status, 0, `${hit}: done again:\n${again.stderr}`);
    imported.set(name, sha256(`bytes of ${name}`));
  }
  if (hit === undefined) return undefined;
  await assertHeld();
  return `${error} ${number} ${hit}: ${status} ${stderr.trim().split('\n').at(-1)}`;
}

for (const error of takesAll ? (Object.keys(errors) as ErrorName[]) : (['EIO'] as const)) {
  test(`import: steps below ${below} fail with ${error}`, async (t) => {
    const seen = await eachStep({ most: maxSteps, stride }, (number) => inject(number, error));
    t.diagnostic?.(`import\n${seen.join('\n')}`);
    assert.ok(seen.length >= 3 && seen.length * stride < maxSteps, `${seen.length} steps`);
  });
}
