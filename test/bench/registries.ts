// Registries: Sealgate and Debian's docker-registry with the same image of 20 layers, which skopeo pushed to
// both and pulled from both: what came is compared, byte by byte.

import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import type { Context } from './context.ts';
import { runPinned } from './processes.ts';
import { startDockerRegistry } from './servers/docker_registry.ts';
import { makeHome, startSealgate } from './servers/sealgate.ts';
import type { Server } from './servers/server.ts';
import { clientCore, type Site } from './site.ts';

export const layers = 20;
/** What podman and skopeo say that they take, in one line. */
export const accepted = `Accept: ${[
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.index.v1+json',
].join(', ')}`;

export interface Registry extends Server {
  /** Who may push shows it as the password; empty: everybody may. */
  token: string;
  /** Where it keeps blobs. */
  stored: string;
}

export interface Image {
  /** Digests, as `sha256:` and 64 hexadecimal digits. */
  manifest: string;
  layers: string[];
  /** Of all layers. */
  bytes: number;
}

export interface Registries {
  site: Site;
  sealgate: Registry;
  peer: Registry;
  image: Image;
}

/** Where the image is in both. Sealgate has it below /closed/v2/ as well, where a token is needed to pull. */
export const repository = 'v2/team/app';

/** Runs with both registries, which have the image. @param layerBytes of each layer. */
export async function withRegistries<T>(
  context: Context,
  { name, layerBytes }: { name: string; layerBytes: number },
  use: (registries: Registries) => Promise<T>,
): Promise<T> {
  const site = context.separateSite(name);
  const image = makeImage(`${site.work}/image`, layerBytes);
  const [sealgate, peer] = [await startOurs(site), await startPeer(site)];
  try {
    for (const registry of [sealgate, peer]) await push(site, registry);
    for (const registry of [sealgate, peer]) await checkPull(site, registry);
    return await use({ site, sealgate, peer, image });
  } finally {
    for (const server of [sealgate, peer]) await server.stop();
  }
}

async function startOurs(site: Site): Promise<Registry> {
  const home = `${site.work}/home`;
  makeHome(home);
  const token = readFileSync(`${home}/token`, 'utf8');
  const about = { protocol: 'oci', bucket: 'images' };
  const sites = [
    { ...about, path: '/v2/' },
    { ...about, path: '/closed/v2/', auth: 'token' },
  ];
  const options = { home, sites, buckets: { images: 'versioned' }, scrub: false } as const;
  const server = await startSealgate(site, options);
  const address: Server['address'] = (file, protocol) => ({
    port: server.address('', protocol).port,
    path: `/${file}`,
  });
  return { ...server, address, token, stored: `${home}/store/blobs` };
}

async function startPeer(site: Site): Promise<Registry> {
  const stored = `${site.work}/docker-registry`;
  return { ...(await startDockerRegistry(site, stored)), token: '', stored };
}

/** A folder that skopeo calls `dir:`. The layers are gzip, so that it pushes them as they are. */
function makeImage(folder: string, layerBytes: number): Image {
  mkdirSync(folder);
  const described = (bytes: Buffer, mediaType: string) => {
    const hex = createHash('sha256').update(bytes).digest('hex');
    writeFileSync(`${folder}/${hex}`, bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const made = Array.from({ length: layers }, () => {
    const content = randomBytes(layerBytes);
    const diff = `sha256:${createHash('sha256').update(content).digest('hex')}`;
    const type = 'application/vnd.oci.image.layer.v1.tar+gzip';
    return { diff, layer: described(gzipSync(content, { level: 0 }), type) };
  });
  const rootfs = { type: 'layers', diff_ids: made.map(({ diff }) => diff) };
  const about = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', config: {}, rootfs }));
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: described(about, 'application/vnd.oci.image.config.v1+json'),
      layers: made.map(({ layer }) => layer),
    }),
  );
  writeFileSync(`${folder}/manifest.json`, manifest);
  writeFileSync(`${folder}/version`, 'Directory Transport Version: 1.1\n');
  return {
    manifest: `sha256:${createHash('sha256').update(manifest).digest('hex')}`,
    layers: made.map(({ layer }) => layer.digest),
    bytes: made.reduce((sum, { layer }) => sum + layer.size, 0),
  };
}

const nameAt = (registry: Registry) =>
  `docker://127.0.0.1:${registry.address('', 'tls').port}/${repository.replace('v2/', '')}:v1`;

async function push({ work }: Site, registry: Registry): Promise<void> {
  const login = registry.token === '' ? [] : ['--dest-creds', `user:${registry.token}`];
  const how = ['--dest-tls-verify=false', ...login];
  await skopeo(work, 'copy', ...how, `dir:${work}/image`, nameAt(registry));
}

/** Pulls the whole image into a folder, which is made anew. */
export async function pull({ work }: Site, registry: Registry): Promise<string> {
  const folder = `${work}/pulled-${registry.name}`;
  rmSync(folder, { recursive: true, force: true });
  await skopeo(work, 'copy', '--src-tls-verify=false', nameAt(registry), `dir:${folder}`);
  return folder;
}

async function checkPull(site: Site, registry: Registry): Promise<void> {
  const folder = await pull(site, registry);
  execFileSync('diff', ['-r', `${site.work}/image`, folder], { stdio: 'pipe' });
}

function skopeo(home: string, ...words: string[]): Promise<string> {
  const environment = [`HOME=${home}`, `XDG_RUNTIME_DIR=${home}`];
  return runPinned(clientCore, ['env', ...environment, 'skopeo', '--insecure-policy', ...words]);
}
