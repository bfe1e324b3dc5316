// A collection and an upgrade meet a kill, or an error of the disk, at each step that writes: the store opens
// afterwards, every object that names point at is there with its bytes, and done again the work ends.
// FAULTS=all takes every step and every error (`make faults`), else some steps.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openStore } from '../../../src/store/content_store.ts';
import { makeFormat1 } from '../../support/format_1.ts';
import { outcome, spawnCli } from '../../support/runtime.ts';
import { createSite } from '../../support/server.ts';
import { allNames, blobPath, putBytes, sha256 } from '../../support/store.ts';
import { type ErrorName, eachStep, errors, Faults, type Step, takesAll } from '../shim.ts';

const maxSteps = 200;

const site = await createSite({ gc: { graceSeconds: 0 } });
after(() => site.remove());
const root = join(site.dir, 'store');
const faults = new Faults(site.dir, `${root}/`);

const live = ['kept 1', 'page 3', 'stored by digest'];
const dead = ['page 1', 'page 2', 'deleted 1', 'deleted 2'];

/** A store with live and dead blobs; `template` is copied for each step. */
async function makeTemplate(name: string, finish: (root: string) => Promise<void>): Promise<string> {
  await rm(root, { recursive: true, force: true });
  const store = await openStore({ root });
  await store.createBucket('files', 'write-once');
  await store.createBucket('pages', 'versioned');
  await store.setBucket('pages', { keep: { versions: 0 } });
  await putBytes(store, 'files', 'kept', 'kept 1');
  for (const number of [1, 2, 3]) await putBytes(store, 'pages', 'page', `page ${number}`);
  for (const number of [1, 2]) {
    await putBytes(store, 'files', `deleted ${number}`, `deleted ${number}`);
    await store.deleteRef('files', `deleted ${number}`);
  }
  const staging = store.stagingPath();
  await writeFile(staging, 'stored by digest', { mode: 0o444 });
  await store.commitBlob(staging, { digest: sha256('stored by digest'), size: 16 });
  await store.close();
  await finish(root);
  const template = join(site.dir, name);
  execFileSync('cp', ['-a', root, template]);
  return template;
}

async function assertLive(): Promise<void> {
  const store = await openStore({ root });
  try {
    assert.equal(await readFile(join(root, 'format'), 'utf8'), 'sealgate store 2\n');
    for (const bytes of live) {
      await store.prove(sha256(bytes));
      assert.equal(await readFile(blobPath(root, sha256(bytes)), 'utf8'), bytes);
    }
    assert.deepEqual(allNames(store, 'files'), ['kept']);
    assert.deepEqual(allNames(store, 'pages'), ['page']);
    assert.equal(store.resolve('pages', 'page')?.version, 3);
    assert.equal(await putBytes(store, 'files', 'after', 'after'), 'created');
  } finally {
    await store.close();
  }
}

async function assertCollected(): Promise<void> {
  const store = await openStore({ root });
  try {
    // Format 1 had no settings of buckets.
    await store.setBucket('pages', { keep: { versions: 0 } });
    await store.collect({ graceMs: 0 });
    for (const bytes of dead) {
      assert.ok(!existsSync(blobPath(root, sha256(bytes))), bytes);
      assert.deepEqual(store.known({ only: sha256(bytes) }), []);
    }
    await assert.rejects(putBytes(store, 'files', 'deleted 1', 'other'), { code: 'name-taken' });
  } finally {
    await store.close();
  }
}

const works = {
  collection: { args: ['gc'], finish: async () => {} },
  upgrade: { args: ['bucket', 'create', 'made'], finish: makeFormat1 },
};

// Before any test runs: all of them use the same folder.
const templates = new Map<string, string>();
for (const [work, { finish }] of Object.entries(works))
  templates.set(work, await makeTemplate(`template-${work}`, finish));

for (const [work, { args }] of Object.entries(works)) {
  const template = templates.get(work) ?? '';
  const run = () => outcome(spawnCli([...args, '--config', site.config]));

  async function inject(step: Step): Promise<string | undefined> {
    await rm(root, { recursive: true, force: true });
    execFileSync('cp', ['-a', template, root]);
    const { hit, result } = await faults.during(step, () => faults.within(run));
    if (hit === undefined) assert.equal(result.status, 0, result.stderr);
    else if (result.status !== 0 && step.error !== 'kill')
      assert.match(result.stdout + result.stderr, /^(sealgate:|not removed) .+$/m, hit);
    await assertLive();
    const again = await run();
    assert.ok(again.status === 0 || work === 'upgrade', `${hit}: done again:\n${again.stderr}`);
    await assertLiveAgain();
    await assertCollected();
    return hit && `${step.error} ${step.number} ${hit}: ${result.status}`;
  }

  const short: (ErrorName | 'kill')[] = ['kill', 'ENOSPC'];
  const all = ['kill', ...(Object.keys(errors) as ErrorName[])] as const;
  for (const error of takesAll ? all : short) {
    const stride = takesAll ? 1 : error === 'kill' ? 4 : 9;
    test(`${work}: steps below the store meet ${error}`, async (t) => {
      const seen = await eachStep({ most: maxSteps, stride }, (number) => inject({ number, error }));
      t.diagnostic?.(`${work}\n${seen.join('\n')}`);
      assert.ok(seen.length >= 3 && seen.length * stride < maxSteps, `${seen.length} steps`);
    });
  }
}

async function assertLiveAgain(): Promise<void> {
  const store = await openStore({ root, readOnly: true });
  for (const bytes of live) assert.equal(store.blob(sha256(bytes))?.size, bytes.length);
  await store.close();
}
