// Pulling through Debian's docker-registry, which wants a password, by podman and skopeo.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { startDockerRegistry } from '../../support/docker_registry.ts';
import { layout, run, skopeo } from '../../support/images.ts';
import { TestRegistry } from '../../support/registry.ts';

const registry = await TestRegistry.start();
const { dir } = registry.site;
const upstream = await startDockerRegistry(dir);
after(async () => {
  await upstream.stop();
  await registry.stop();
});

const image = await layout(registry, 3);
const there = `docker://${upstream.host}/team/app`;
const login = ['--dest-creds=user:secret', '--dest-tls-verify=false'];
await skopeo(registry, 'copy', ...login, `oci:${image}`, `${there}:v1`);
await skopeo(registry, 'copy', ...login, '--format', 'v2s2', `oci:${image}`, `${there}:docker`);

const written = JSON.parse(await readFile(registry.site.config, 'utf8'));
await writeFile(join(dir, 'hub.credentials'), 'user:secret\n', { mode: 0o600 });
await writeFile(
  registry.site.config,
  JSON.stringify({
    ...written,
    upstreams: {
      hub: {
        url: `http://${upstream.host}/v2/`,
        attempts: 1,
        registry: { credentials: './hub.credentials' },
      },
    },
    sites: [
      {
        ...{ path: '/v2/', protocol: 'oci', bucket: 'images', upstreams: ['hub'] },
        mirror: { rules: [{ match: '/v2/**/manifests/*', freshSeconds: 0 }] },
      },
    ],
  }),
);
await registry.restart();

const here = () => `docker://${registry.host}/team/app`;
const pull = (tag: string, to: string) =>
  skopeo(registry, 'copy', '--src-tls-verify=false', `${here()}:${tag}`, `dir:${join(dir, to)}`);
const podman = (name: string) => {
  const folders = ['root', 'runroot', 'tmpdir'].flatMap((each) => [`--${each}`, join(dir, name, each)]);
  const at = `${registry.host}/team/app:v1`;
  return run(registry, 'podman', '--storage-driver=vfs', ...folders, 'pull', '--tls-verify=false', at);
};

test('podman pulls an image of OCI that is not here yet', async () => {
  assert.match(await podman('cold'), /^[0-9a-f]{64}\n$/);
});

test('skopeo pulls an image with a manifest of Docker, schema 2, as it is', async () => {
  await pull('docker', 'docker');
  const { mediaType } = JSON.parse(await readFile(join(dir, 'docker', 'manifest.json'), 'utf8'));
  assert.equal(mediaType, 'application/vnd.docker.distribution.manifest.v2+json');
});

test('skopeo lists the tags of the upstream', async () => {
  const { Tags } = JSON.parse(await skopeo(registry, 'list-tags', '--tls-verify=false', here()));
  assert.deepEqual(Tags.sort(), ['docker', 'v1']);
});

test('a tag that moved is pulled as it is now, and its old image by the digest', async () => {
  const before = await skopeo(registry, 'inspect', '--tls-verify=false', `${here()}:v1`);
  const { Digest: old } = JSON.parse(before);
  const next = await layout(registry, 2);
  await skopeo(registry, 'copy', ...login, `oci:${next}`, `${there}:v1`);
  const { Digest, Layers } = JSON.parse(
    await skopeo(registry, 'inspect', '--tls-verify=false', `${here()}:v1`),
  );
  assert.equal(Layers.length, 2);
  assert.notEqual(Digest, old);
  await skopeo(registry, 'copy', '--src-tls-verify=false', `${here()}@${old}`, `dir:${join(dir, 'old')}`);
  await pull('v1', 'next');
});

test('with the upstream away, after a restart, the image is pulled as it was last', async () => {
  await upstream.stop();
  await registry.restart();
  await pull('v1', 'offline');
  assert.match(await podman('warm'), /^[0-9a-f]{64}\n$/);
});
