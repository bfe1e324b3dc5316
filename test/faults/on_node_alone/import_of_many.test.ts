// A sync of the disk that many imported files share fails: each is synced by itself, and the import brings
// them all.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, spawnCli } from '../../support/runtime.ts';
import { createSite } from '../../support/server.ts';
import { bucketDigests, digestsOf, writeTree } from '../../support/tree.ts';
import { Faults } from '../shim.ts';

const site = await createSite();
const blobs = join(site.dir, 'store/blobs/sha256');
const faults = new Faults(site.dir, blobs);
after(() => site.remove());
const imported: Record<string, string> = {};

async function inject(number: number): Promise<string | undefined> {
  const tree = join(site.dir, 'trees', `${number}`);
  const files = Object.fromEntries(
    Array.from({ length: 20 }, (_, i) => [`${number}/${i}`, `bytes ${i} of ${number}`]),
  );
  await writeTree(tree, files);
  // The folders are there, so that few calls come before the sync.
  for (const digest of Object.values(digestsOf(files)))
    await mkdir(join(blobs, digest.slice(0, 2), digest.slice(2, 4)), { recursive: true });
  const run = () => outcome(spawnCli(['import', tree, '--config', site.config]));
  const { hit, result } = await faults.during({ number, error: 'EIO' }, () => faults.within(run));
  const held = await bucketDigests(join(site.dir, 'store'), 'files');
  for (const [name, digest] of Object.entries(imported)) assert.equal(held[name], digest, name);
  Object.assign(imported, digestsOf(files));
  const missing = Object.keys(files).filter((name) => held[name] === undefined);
  if (result.status === 0) assert.deepEqual(missing, [], hit);
  else assert.match(result.stderr, /^sealgate: /m, hit);
  if (missing.length > 0) {
    const again = await run();
    assert.equal(again.status, 0, `${hit}: done again:\n${again.stderr}`);
  }
  return hit?.startsWith('syncfs') ? `${hit}: ${missing.length} missing` : hit;
}

test('import: a sync that 20 files share fails with EIO', async (t) => {
  const seen: string[] = [];
  // The folder of all blobs comes first, and then the sync.
  for (const number of [1, 2, 3]) seen.push((await inject(number)) ?? 'no call');
  t.diagnostic?.(seen.join('\n'));
  assert.ok(
    seen.some((hit) => hit.startsWith('syncfs') && hit.endsWith(' 0 missing')),
    seen.join('\n'),
  );
  const held = await bucketDigests(join(site.dir, 'store'), 'files');
  for (const [name, digest] of Object.entries(imported)) assert.equal(held[name], digest, name);
});
