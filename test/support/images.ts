// An image as clients of registries have it on disk, and the clients.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { blobOf, imageOf, type TestRegistry, types } from './registry.ts';
import { outcome } from './runtime.ts';

/** An image as a folder that skopeo and others read: OCI image layout. */
export async function layout(registry: TestRegistry, layers: number): Promise<string> {
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

/** What a program prints that ends well. */
export async function run(registry: TestRegistry, command: string, ...args: string[]): Promise<string> {
  const { dir } = registry.site;
  const env = { ...process.env, HOME: dir, XDG_RUNTIME_DIR: dir, BUILDAH_ISOLATION: 'chroot' };
  const child = spawn(command, args, { env });
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += chunk;
  });
  const { status, stderr } = await outcome(child);
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${stderr}`);
  return said;
}

export const skopeo = (registry: TestRegistry, ...args: string[]) =>
  run(registry, 'skopeo', '--insecure-policy', ...args);
