// The clients that people use: skopeo pushes, copies, inspects, pulls and deletes images; podman logs in,
// pulls and pushes.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { blobOf, imageOf, TestRegistry, types } from '../../support/registry.ts';
import { outcome } from '../../support/runtime.ts';
import { freePort } from '../../support/server.ts';

const open = await TestRegistry.start();
const port = await freePort();
const withTokens = await TestRegistry.start(
  { publicUrl: `https://127.0.0.1:${port}/v2/`, auth: 'token' },
  {},
  ...['--listen', `https://127.0.0.1:${port}`],
);
after(async () => {
  await open.stop();
  await withTokens.stop();
});

/** An image as a folder that skopeo and others read: OCI image layout. */
async function layout(registry: TestRegistry, layers: number): Promise<string> {
  const dir = join(registry.site.dir, `layout-${layers}`);
  const blobs = join(dir, 'blobs', 'sha256');
  await mkdir(blobs, { recursive: true });
  const tars = Array.from({ length: layers }, () => tarOf('file', randomBytes(200_000)));
  const config = blobOf(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: tars.map((tar) => blobOf(tar).digest) },
      config: {},
    }),
  );
  const packed = tars.map((tar) => blobOf(gzipSync(tar)));
  const image = imageOf(config, packed);
  for (const { digest, bytes } of [config, image, ...packed])
    await writeFile(join(blobs, digest.slice('sha256:'.length)), bytes);
  const manifests = [{ mediaType: types.image, digest: image.digest, size: image.size }];
  await writeFile(join(dir, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
  await writeFile(join(dir, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  return dir;
}

/** A tar archive (POSIX.1-1988) of one file. */
function tarOf(name: string, content: Buffer): Buffer {
  const head = Buffer.alloc(512);
  head.write(name, 0);
  head.write('0000644\0', 100);
  head.write('0000000\0', 108);
  head.write('0000000\0', 116);
  head.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  head.write('00000000000\0', 136);
  head.write('        0', 148);
  head.write('ustar\x0000', 257);
  const sum = head.reduce((total, each) => total + each, 0);
  head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return Buffer.concat([head, content, padding, Buffer.alloc(1024)]);
}

async function run(registry: TestRegistry, command: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, HOME: registry.site.dir, XDG_RUNTIME_DIR: registry.site.dir };
  const child = spawn(command, args, { env });
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += chunk;
  });
  const { status, stderr } = await outcome(child);
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${stderr}`);
  return said;
}

const skopeo = (registry: TestRegistry, ...args: string[]) =>
  run(registry, 'skopeo', '--insecure-policy', ...args);
const creds = ({ site }: TestRegistry) => `user:${site.token}`;

for (const [title, registry] of [
  ['Basic', open],
  ['a token endpoint, where pulls need a token', withTokens],
] as const) {
  test(`skopeo pushes, inspects, copies and pulls an image of 3 layers, by ${title}`, async () => {
    const dir = await layout(registry, 3);
    const at = `docker://${registry.host}/team/app`;
    const login = [`--dest-creds=${creds(registry)}`, '--dest-tls-verify=false'];
    const from = ['--src-tls-verify=false', `--src-creds=${creds(registry)}`];
    await skopeo(registry, 'copy', ...login, `oci:${dir}`, `${at}:v1`);
    const inspect = ['inspect', '--tls-verify=false', `--creds=${creds(registry)}`];
    const about = JSON.parse(await skopeo(registry, ...inspect, `${at}:v1`));
    assert.deepEqual([about.RepoTags, about.Layers.length], [['v1'], 3]);
    const other = `docker://${registry.host}/other/app:v2`;
    await skopeo(registry, 'copy', ...from, ...login, `${at}:v1`, other);
    const back = join(registry.site.dir, 'back');
    await skopeo(registry, 'copy', ...from, other, `oci:${back}`);
    const [sent, got] = await Promise.all(
      [dir, back].map(async (each) => JSON.parse(await readFile(join(each, 'index.json'), 'utf8'))),
    );
    assert.equal(got.manifests[0].digest, sent.manifests[0].digest);
  });
}

test('skopeo that pulls without a password gets what everybody may pull', async () => {
  const at = `docker://${open.host}/team/app:v1`;
  const to = join(open.site.dir, 'anonymous');
  await skopeo(open, 'copy', '--src-no-creds', '--src-tls-verify=false', at, `oci:${to}`);
});

test('podman logs in at the token endpoint, pulls an image, and pushes it under another name', async () => {
  const { site, host } = withTokens;
  const folders = ['root', 'runroot', 'tmpdir'].flatMap((name) => [`--${name}`, join(site.dir, name)]);
  const podman = (...args: string[]) =>
    run(withTokens, 'podman', ...['--storage-driver=vfs', ...folders, ...args]);
  const auth = ['--tls-verify=false', '--authfile', join(site.dir, 'auth.json')];
  await podman('login', ...auth, '-u', 'user', '-p', site.token, host);
  await podman('pull', ...auth, `${host}/team/app:v1`);
  await podman('push', ...auth, `${host}/team/app:v1`, `${host}/team/again:v1`);
  const { status } = await withTokens.ask('GET', '/v2/team/again/manifests/v1');
  assert.equal(status, 200);
});

test('skopeo delete removes the manifest with all its tags', async () => {
  const at = `docker://${open.host}/other/app:v2`;
  await skopeo(open, 'delete', '--tls-verify=false', `--creds=${creds(open)}`, at);
  assert.equal((await open.ask('GET', '/v2/other/app/manifests/v2')).status, 404);
});
