// sealgate repo: what repositories have, why they keep it, and what goes by hand and by rules.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import { blobOf, described, imageOf, jsonOf, TestRegistry, types } from '../support/registry.ts';
import { outcome, runCli, spawnCli } from '../support/runtime.ts';

const registry = await TestRegistry.start(
  {
    registry: {
      graceSeconds: 0,
      countPulls: true,
      retention: [
        { repositories: 'ruled/*', tags: ['pr-*'], keepTags: 2, except: ['pr-keep'] },
        { repositories: 'untagged', untaggedDays: 0 },
      ],
    },
  },
  { sentinel: { intervalSeconds: 0 }, gc: { intervalSeconds: 0, graceSeconds: 0 } },
);
after(() => registry.stop());

const control = registry.server.control ?? '';
const repo = (...args: string[]) => runCli('repo', ...args, '--control', control);
const json = async (...args: string[]) =>
  (await repo(...args, '--json'))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
const status = async (path: string) => (await registry.ask('GET', `/v2/${path}`)).status;
const config = blobOf('{}');

/** Rounds in which marks are set, and in which what was marked goes. */
async function tidied(): Promise<void> {
  await repo('tidy');
  await repo('tidy');
}

/** An image with a layer of its own. */
async function push(repository: string, reference: string, size = 1000) {
  const layer = blobOf(randomBytes(size));
  const image = imageOf(config, [layer]);
  await registry.push(repository, config, layer);
  const { status, body } = await registry.put(repository, reference || image.digest, image);
  assert.equal(status, 201, body.toString());
  return { layer, image };
}

test('repo ls lists repositories with sizes, each byte once and in all, and pulls', async () => {
  const layer = blobOf(randomBytes(5000));
  await registry.push('listed', config, layer);
  const images = ['a', 'b'].map((name) => imageOf(config, [layer], { annotations: { name } }));
  for (const [at, image] of images.entries()) await registry.put('listed', `v${at}`, image);
  for (let pull = 0; pull < 3; pull++) assert.equal(await status('listed/manifests/v1'), 200);
  const [found] = (await json('ls')).filter(({ repository }) => repository === 'listed');
  const own = images.reduce((sum, { size }) => sum + size, 0);
  const { tags, manifests, blobs, bytes, totalBytes, freeBytes, pulls } = found;
  assert.deepEqual(
    { tags, manifests, blobs, bytes, totalBytes, freeBytes, pulls },
    {
      ...{ tags: 2, manifests: 2, blobs: 2, freeBytes: 0, pulls: 3 },
      ...{ bytes: 5002 + own, totalBytes: 2 * 5002 + own },
    },
  );
  assert.match(await repo('ls'), /2 tags {2}pushed \d{4}-.* 3 pulls {2}images\/listed$/m);
  const listed = await json('ls', 'images/listed');
  assert.deepEqual(listed.map(({ tag }) => tag).sort(), ['v0', 'v1']);
  assert.equal(listed[0].bytes, 5002 + (images[1]?.size ?? 0));
  const missing = await outcome(spawnCli(['repo', 'ls', 'images/absent', '--control', control]));
  assert.equal(missing.status, 1);
  assert.match(missing.stderr, /No registry has a repository images\/absent/);
});

test('repo why says which manifests and tags keep a layer, through an index as well', async () => {
  const { layer, image } = await push('why', 'one');
  const index = jsonOf({
    schemaVersion: 2,
    mediaType: types.index,
    manifests: [described(image, types.image)],
  });
  assert.equal((await registry.put('why', 'all', index, types.index)).status, 201);
  const [kept, ...more] = await json('why', layer.digest);
  assert.deepEqual(more, []);
  assert.deepEqual([kept.repository, kept.kind, kept.manifests.length], ['why', 'blob', 1]);
  assert.equal(kept.manifests[0].digest, image.digest);
  assert.deepEqual(kept.manifests[0].tags.sort(), ['all', 'one']);
  assert.match(await repo('why', layer.digest), /named by sha256:[0-9a-f]{64}, tagged /);
});

test('repo rm without --yes removes nothing and ends with 1; with it a tag goes alone', async () => {
  const { image } = await push('removed', 'v1');
  await registry.put('removed', 'v2', image);
  const refused = await outcome(spawnCli(['repo', 'rm', 'images/removed:v1', '--control', control]));
  assert.equal(refused.status, 1);
  assert.match(refused.stdout, /^1 tags, 0 manifests, .*would be removed/);
  assert.match(await repo('rm', 'images/removed:v1', '--dry-run'), /would be removed/);
  assert.equal(await status('removed/manifests/v1'), 200);
  assert.match(await repo('rm', 'images/removed:v1', '--yes', '--why', 'a test'), / removed\n {2}tag v1\n$/);
  assert.deepEqual([await status('removed/manifests/v1'), await status('removed/manifests/v2')], [404, 200]);
  const audit = await (await fetch(`${control}/audit`)).text();
  assert.match(audit, /"repository-remove","why":"a test"/);
});

test('repo rm of a manifest takes its tags and referrers, and a collection its layers', async () => {
  const { image, layer } = await push('subject', 'v1');
  const artifact = imageOf(config, [], { subject: described(image, types.image) });
  await registry.put('subject', artifact.digest, artifact);
  const [removed] = await json('rm', `images/subject@${image.digest}`, '--yes');
  assert.deepEqual(removed.tags, ['v1']);
  assert.deepEqual(removed.manifests.sort(), [image.digest, artifact.digest].sort());
  assert.equal(await status(`subject/manifests/${artifact.digest}`), 404);
  assert.equal(await status(`subject/blobs/${layer.digest}`), 200);
  await tidied();
  await runCli('gc', '--control', control);
  assert.equal(await status(`subject/blobs/${layer.digest}`), 404);
});

test('repo rm of a manifest that an index has is refused, and of a repository takes all of it', async () => {
  const { image, layer } = await push('whole', '');
  const manifests = [described(image, types.image)];
  const index = jsonOf({ schemaVersion: 2, mediaType: types.index, manifests });
  await registry.put('whole', 'v1', index, types.index);
  const what = `images/whole@${image.digest}`;
  const refused = await outcome(spawnCli(['repo', 'rm', what, '--yes', '--control', control]));
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /The index sha256:[0-9a-f]{64} has it: remove that first/);
  await repo('rm', 'images/whole', '--yes');
  for (const path of ['manifests/v1', `manifests/${image.digest}`, `blobs/${layer.digest}`, 'tags/list'])
    assert.equal(await status(`whole/${path}`), 404, path);
});

test('a rule keeps the last tags of its pattern and all others; a dry run removes none', async () => {
  for (const tag of ['pr-1', 'pr-2', 'pr-keep', 'v1', 'pr-3', 'pr-4']) await push('ruled/app', tag);
  const dry = (await json('tidy', '--dry-run')).find(({ repository }) => repository === 'ruled/app');
  assert.deepEqual(dry.tags, ['pr-1', 'pr-2']);
  assert.equal(await status('ruled/app/manifests/pr-1'), 200);
  await tidied();
  const { tags } = JSON.parse((await registry.ask('GET', '/v2/ruled/app/tags/list')).body.toString());
  assert.deepEqual(tags, ['pr-3', 'pr-4', 'pr-keep', 'v1']);
  await tidied();
  const [found] = (await json('ls')).filter(({ repository }) => repository === 'ruled/app');
  assert.deepEqual([found.manifests, found.freeBytes], [4, 0]);
});

test('untagged manifests go; children of a tagged index and referrers of what stays do not', async () => {
  const [child, lone] = [await push('untagged', ''), await push('untagged', '')];
  const index = jsonOf({
    schemaVersion: 2,
    mediaType: types.index,
    manifests: [described(child.image, types.image)],
  });
  await registry.put('untagged', 'v1', index, types.index);
  const about = (subject: unknown) => imageOf(config, [], { subject, annotations: { about: 'x' } });
  const [stays, goes] = [child, lone].map(({ image }) => about(described(image, types.image)));
  for (const each of [stays, goes]) if (each) await registry.put('untagged', each.digest, each);
  // What clients without the list of referrers keep: a tag that says which manifest it is about.
  const attached = await push('untagged', `sha256-${child.image.digest.slice(7)}.sig`);
  const orphan = await push('untagged', `sha256-${lone.image.digest.slice(7)}.sig`);
  await tidied();
  await tidied();
  for (const each of [index, child.image, stays, attached.image])
    assert.equal(await status(`untagged/manifests/${each?.digest}`), 200);
  for (const each of [lone.image, goes, orphan.image])
    assert.equal(await status(`untagged/manifests/${each?.digest}`), 404);
  assert.equal(await status(`untagged/blobs/${child.layer.digest}`), 200);
  assert.equal(await status(`untagged/blobs/${lone.layer.digest}`), 404);
});

test('wrong arguments are refused with what was expected', async () => {
  for (const args of [
    ['ls', 'images'],
    ['rm', 'images/a:b:c'],
    ['why', 'md5:00'],
  ]) {
    const { status, stderr } = await outcome(spawnCli(['repo', ...args, '--control', control]));
    assert.equal(status, 2, args.join(' '));
    assert.match(stderr, /expected /);
  }
});
