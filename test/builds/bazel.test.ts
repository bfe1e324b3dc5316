// The real Bazel: what one build has stored another one takes from the cache, whatever was evicted meanwhile.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { TestCache, Workspace } from '../support/bazel.ts';

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

test('a build after a clean takes every action from the cache that the first one filled', async () => {
  const first = await workspace.buildAnew(remote());
  assert.equal(first.status, 0, first.said);
  assert.equal(first.ran.local, 5, first.said);
  const second = await workspace.buildAnew(remote());
  assert.equal(second.status, 0, second.said);
  assert.equal(second.ran['remote cache hit'], 5, second.said);
});
