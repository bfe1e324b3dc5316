// The clients that build images: buildah commits, pushes and pulls one; umoci makes one of many layers, which
// skopeo pushes, and unpacks what comes back.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { run, skopeo } from '../../support/images.ts';
import { TestRegistry } from '../../support/registry.ts';

const registry = await TestRegistry.start();
after(() => registry.stop());
const { site, host } = registry;
const creds = `user:${site.token}`;

test('buildah pushes an image that it has built, and has the same one back from another store', async () => {
  const buildah = (store: string, ...args: string[]) => {
    const folders = ['root', 'runroot'].flatMap((name) => [`--${name}`, join(site.dir, store, name)]);
    return run(registry, 'buildah', '--storage-driver=vfs', ...folders, ...args);
  };
  const access = ['--tls-verify=false', `--creds=${creds}`];
  const tool = join(site.dir, 'tool');
  const content = randomUUID();
  await writeFile(tool, content);
  const built = (await buildah('one', 'from', 'scratch')).trim();
  await buildah('one', 'copy', built, tool, '/tool');
  await buildah('one', 'commit', built, 'tool');
  await buildah('one', 'push', ...access, 'tool', `docker://${host}/built/tool:v1`);
  const pulled = (await buildah('two', 'from', ...access, `${host}/built/tool:v1`)).trim();
  const mounted = (await buildah('two', 'mount', pulled)).trim();
  assert.equal(await readFile(join(mounted, 'tool'), 'utf8'), content);
});

test('an image of 24 layers by umoci is pushed and pulled by skopeo, and unpacks as it was', async () => {
  const [image, back] = [join(site.dir, 'image'), join(site.dir, 'back')];
  const umoci = (...args: string[]) => run(registry, 'umoci', ...args);
  await umoci('init', '--layout', image);
  await umoci('new', '--image', `${image}:v1`);
  await umoci('unpack', '--rootless', '--image', `${image}:v1`, join(site.dir, 'bundle'));
  const names = Array.from({ length: 24 }, (_, at) => `file-${at}`);
  for (const name of names) {
    await writeFile(join(site.dir, 'bundle', 'rootfs', name), name);
    await umoci('repack', '--refresh-bundle', '--image', `${image}:v1`, join(site.dir, 'bundle'));
  }
  const at = `docker://${host}/many/layers:v1`;
  await skopeo(registry, 'copy', '--dest-tls-verify=false', `--dest-creds=${creds}`, `oci:${image}:v1`, at);
  await skopeo(registry, 'copy', '--src-tls-verify=false', `--src-creds=${creds}`, at, `oci:${back}:v1`);
  const { history } = JSON.parse(await umoci('stat', '--json', '--image', `${back}:v1`));
  assert.equal(history.filter(({ layer }: { layer: unknown }) => layer !== null).length, names.length);
  await umoci('unpack', '--rootless', '--image', `${back}:v1`, join(site.dir, 'unpacked'));
  for (const name of names)
    assert.equal(await readFile(join(site.dir, 'unpacked', 'rootfs', name), 'utf8'), name);
});
