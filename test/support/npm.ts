// Registries of packages for tests: a real server whose one site is a mirror of the kind npm, and packages as
// `npm publish` sends them.

import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { createSite, freePort, type Site, TestServer } from './server.ts';

export interface Registry {
  /** URL of the registry, with a slash at its end. */
  url: string;
  site: Site;
  server: TestServer;
  stop(): Promise<void>;
}

/** @param path of its site. @param settings of the mirror. @param secrets files beside it. */
export async function startRegistry(
  path: string,
  upstreams: Record<string, Record<string, unknown>>,
  settings: Record<string, unknown> = {},
  secrets: Record<string, string> = {},
): Promise<Registry> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}${path}`;
  const registry = {
    ...{ path, protocol: 'mirror', bucket: 'packages', publicUrl: url },
    upstreams: Object.keys(upstreams),
    mirror: { kind: 'npm', ...settings },
    cacheStatus: true,
  };
  const site = await createSite({
    buckets: { packages: 'versioned' },
    drain: { lameDuckSeconds: 0, graceSeconds: 1 },
    upstreams,
    sites: [registry, ...(path === '/' ? [] : [{ path: '/', protocol: 'objects' }])],
  });
  for (const [name, text] of Object.entries(secrets))
    await writeFile(join(site.dir, name), text, { mode: 0o600 });
  const server = await TestServer.start(site, '--workers', '1', '--listen', `http://127.0.0.1:${port}`);
  return {
    ...{ url, site, server },
    stop: async () => {
      await server.stop();
      await site.remove();
    },
  };
}

/** A tarball with one version of a package, as npm packs it. */
export function packed(manifest: { name: string; version: string } & Record<string, unknown>): Buffer {
  const files = {
    'package/package.json': JSON.stringify(manifest),
    'package/index.js': 'module.exports = 1;',
  };
  const blocks = Object.entries(files).flatMap(([name, text]) => {
    const body = Buffer.from(text);
    const padded = Buffer.alloc(Math.ceil(body.length / 512) * 512);
    body.copy(padded);
    return [tarHead(name, body.length), padded];
  });
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]));
}

function tarHead(name: string, size: number): Buffer {
  const head = Buffer.alloc(512);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, '0')}\0`;
  head.write(name, 0);
  head.write(octal(0o644, 7), 100);
  head.write(octal(0, 7), 108);
  head.write(octal(0, 7), 116);
  head.write(octal(size, 11), 124);
  head.write(octal(0, 11), 136);
  head.write('        ', 148);
  head.write('0', 156);
  head.write('ustar\x0000', 257);
  head.write(
    octal(
      [...head].reduce((sum, byte) => sum + byte, 0),
      6,
    ),
    148,
  );
  return head;
}

/** What clients compare a tarball with. */
export function distOf(tarball: Buffer) {
  return {
    integrity: `sha512-${createHash('sha512').update(tarball).digest('base64')}`,
    shasum: createHash('sha1').update(tarball).digest('hex'),
  };
}

/** A `.npmrc` beside what is installed. */
export async function npmrc(dir: string, lines: readonly string[]): Promise<void> {
  const quiet = ['audit=false', 'fund=false', 'update-notifier=false', 'fetch-retries=0'];
  await writeFile(join(dir, '.npmrc'), `${[...lines, ...quiet, `cache=${join(dir, 'cache')}`].join('\n')}\n`);
}
