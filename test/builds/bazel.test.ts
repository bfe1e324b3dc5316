// The real Bazel: what one build has stored another one takes from the cache, whatever was evicted meanwhile.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { sha256, TestCache, Workspace } from '../support/bazel.ts';
import { outcome, runCli } from '../support/runtime.ts';
import { until } from '../support/wait.ts';

const cache = await TestCache.start({ auth: 'token' });
const files = {
  BUILD: `
load(":defs.bzl", "folder")
genrule(name = "one", outs = ["one.txt"], cmd = "echo first; echo one > $@")
genrule(name = "two", srcs = ["one.txt"], outs = ["two.txt"], cmd = "cat $< $< > $@")
genrule(name = "none", outs = ["none.txt"], cmd = ": > $@")
folder(name = "folder")
genrule(name = "listed", srcs = [":folder"], outs = ["listed.txt"], cmd = "cat $</a $</below/b > $@")
`,
  'defs.bzl': `
def _folder(ctx):
    out = ctx.actions.declare_directory(ctx.label.name)
    command = "mkdir $1/below; echo a > $1/a; echo b > $1/below/b"
    ctx.actions.run_shell(outputs = [out], command = command, arguments = [out.path])
    return [DefaultInfo(files = depset([out]))]
folder = rule(implementation = _folder)
`,
};
const workspace = await Workspace.make(files);
after(async () => {
  await workspace.remove();
  await cache.stop();
});

/** The cache as Bazel is told of it. @param below an instance, with a slash before it. */
function remote(password = cache.site.token, below = ''): string {
  return `--remote_cache=${cache.plain.replace('://', `://me:${password}@`)}${below}`;
}

/** How many actions the workspace has. */
const all = 5;

/** What is in the cache. */
async function listed(prefix: string): Promise<{ name: string; digest: string; size: number }[]> {
  const token = `Authorization: Bearer ${cache.site.token}`;
  const { body } = await cache.server.curl(`/store/o/builds/?prefix=${prefix}`, '-H', token);
  return JSON.parse(body.toString()).entries;
}

/** Removes blobs with this content, as an eviction does. */
async function lose(...texts: string[]): Promise<void> {
  for (const text of texts) await cache.remove(sha256(text));
}

test('a build after a clean takes every action from the cache that the first one filled', async () => {
  const first = await workspace.buildAnew(remote());
  assert.equal(first.status, 0, first.said);
  assert.equal(first.ran.local, all, first.said);
  const second = await workspace.buildAnew(remote());
  assert.equal(second.status, 0, second.said);
  assert.equal(second.ran['remote cache hit'], all, second.said);
  assert.equal(await workspace.output('listed.txt'), 'a\nb\n');
  assert.match(second.said, /^first$/m);
  assert.doesNotMatch(second.said, /WARNING/);
});

test('actions whose output or file in a folder was evicted run again, and no build breaks', async () => {
  for (const how of [[], ['--remote_download_minimal']]) {
    await lose('b\n', 'one\none\n');
    const { status, ran, said } = await workspace.buildAnew(remote(), ...how);
    assert.equal(status, 0, said);
    assert.deepEqual([ran.local, ran['remote cache hit']], [2, all - 2], said);
    assert.doesNotMatch(said, /WARNING/);
  }
});

test('an action whose printed text was evicted runs again and prints it', async () => {
  await lose('first\n');
  const { status, ran, said } = await workspace.buildAnew(remote());
  assert.deepEqual([status, ran.local], [0, 1], said);
  assert.match(said, /^first$/m);
});

test('another instance has no action of this one, and its blobs', async () => {
  const blobs = (await listed('cas/')).length;
  const { status, ran, said } = await workspace.buildAnew(remote(undefined, '/team/a'));
  assert.deepEqual([status, ran.local], [0, all], said);
  assert.equal((await listed('ac/team/a/')).length, all);
  assert.equal((await listed('cas/')).length, blobs);
});

test('a build with a wrong password runs everything by itself and says why nothing is cached', async () => {
  const { status, ran, said } = await workspace.buildAnew(remote('wrong'));
  assert.deepEqual([status, ran.local], [0, all], said);
  assert.match(said, /WARNING: Reading from Remote Cache:\n401 Unauthorized\nThe token is not known\.\n/);
});

test('a build whose token may read alone takes all from the cache, and stores nothing', async () => {
  const added = await runCli('token', 'add', 'read:builds', '--config', cache.site.config);
  const reader = /sgt_[\w-]+/.exec(added)?.[0] ?? '';
  const known = async () => (await fetch(`${cache.plain}/cas/${sha256('')}`, as(reader))).status;
  await until(known, (each) => each === 200, 'the token is not known');
  const read = await workspace.buildAnew(remote(reader));
  assert.deepEqual([read.status, read.ran['remote cache hit']], [0, all], read.said);
  const before = (await listed('')).length;
  const changed = await workspace.buildAnew(remote(reader), '--action_env=CHANGED=yes', '--verbose_failures');
  // The folder's action does not depend on the environment.
  assert.deepEqual([changed.status, changed.ran.local], [0, all - 1], changed.said);
  assert.match(changed.said, /WARNING: Writing to Remote Cache:/);
  assert.match(changed.said, /403 Forbidden\nThe token does not allow this\./);
  assert.equal((await listed('')).length, before);
  const quiet = ['--action_env=CHANGED=yes', '--noremote_upload_local_results'];
  const { status, said } = await workspace.buildAnew(remote(reader), ...quiet);
  assert.equal(status, 0, said);
  assert.doesNotMatch(said, /WARNING/);
});

function as(token: string) {
  return { headers: { Authorization: `Basic ${Buffer.from(`me:${token}`).toString('base64')}` } };
}

test('a build over TLS takes every action from the cache', async () => {
  const keys = join(workspace.dir, '..', 'trusted.jks');
  const trust = [
    '-importcert',
    '-noprompt',
    '-storetype',
    'JKS',
    '-file',
    cache.site.certificate,
    '-keystore',
    keys,
  ];
  const made = await outcome(spawn('keytool', [...trust, '-storepass', 'changeit']));
  assert.equal(made.status, 0, made.stdout + made.stderr);
  const url = `${cache.server.url.replace('://', `://me:${cache.site.token}@`)}/bazel`;
  const jvm = `--host_jvm_args=-Djavax.net.ssl.trustStore=${keys}`;
  const { status, ran, said } = await workspace.buildAnew(`--remote_cache=${url}`, jvm);
  assert.deepEqual([status, ran['remote cache hit']], [0, all], said);
});

test('builds at a cache that is too small for one of them do not break', async () => {
  const small = await TestCache.start({ bazel: { maxBytes: 3000 } });
  try {
    const url = `--remote_cache=${small.plain.replace('://', `://me:${small.site.token}@`)}`;
    for (const how of [[], [], ['--remote_download_minimal']]) {
      const { status, said } = await workspace.buildAnew(url, ...how);
      assert.equal(status, 0, said);
    }
    assert.ok((await small.server.metric('sealgate_mirror_evicted_objects_total')) > 0);
  } finally {
    await small.stop();
  }
});
