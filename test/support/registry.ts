// A registry for tests: a real server with a site of the protocol "oci", and what is pushed to it.

import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSite, type Response, type Site, TestServer } from './server.ts';

export interface Blob {
  bytes: Buffer;
  digest: string;
  size: number;
}

export type Algorithm = 'sha256' | 'sha512';

export function blobOf(content: string | Buffer, algorithm: Algorithm = 'sha256'): Blob {
  const bytes = Buffer.from(content);
  const hex = createHash(algorithm).update(bytes).digest('hex');
  return { bytes, digest: `${algorithm}:${hex}`, size: bytes.length };
}

export const types = {
  image: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  dockerImage: 'application/vnd.docker.distribution.manifest.v2+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
};

export const described = ({ digest, size }: Blob, mediaType: string) => ({ mediaType, digest, size });

/** A manifest of an image. @param more members beside, or in place of, the usual ones. */
export function imageOf(config: Blob, layers: Blob[], more: Record<string, unknown> = {}): Blob {
  return jsonOf({
    schemaVersion: 2,
    mediaType: types.image,
    config: described(config, types.config),
    layers: layers.map((layer) => described(layer, types.layer)),
    ...more,
  });
}

export function jsonOf(value: unknown, algorithm?: Algorithm): Blob {
  return blobOf(JSON.stringify(value), algorithm);
}

export class TestRegistry {
  readonly site: Site;
  readonly #args: string[];
  #server: TestServer;
  #files = 0;

  private constructor(site: Site, server: TestServer, args: string[]) {
    this.site = site;
    this.#server = server;
    this.#args = args;
  }

  /** @param about settings of the site. @param settings of the server. */
  static async start(
    about: Record<string, unknown> = {},
    settings: Record<string, unknown> = {},
    ...args: string[]
  ): Promise<TestRegistry> {
    const site = await createSite({
      buckets: { images: 'versioned' },
      drain: { lameDuckSeconds: 0, graceSeconds: 1 },
      sites: [{ path: '/v2/', protocol: 'oci', bucket: 'images', ...about }],
      ...settings,
    });
    const all = ['--workers', '2', ...args];
    return new TestRegistry(site, await TestServer.start(site, ...all), all);
  }

  get server(): TestServer {
    return this.#server;
  }

  /** @param signal ends the server before. */
  async restart(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.#server.stop(signal);
    this.#server = await TestServer.start(this.site, ...this.#args);
  }

  get host(): string {
    return new URL(this.server.url).host;
  }

  /** A request with the token of the site, which may write. */
  ask(method: string, path: string, ...args: string[]): Promise<Response> {
    return this.askAs(this.site.token, method, path, ...args);
  }

  askAs(token: string, method: string, path: string, ...args: string[]): Promise<Response> {
    const how = method === 'HEAD' ? ['-I'] : ['-X', method];
    return this.server.curl(path, ...how, '-H', `Authorization: Bearer ${token}`, ...args);
  }

  /** A request with a body. */
  async send(method: string, path: string, bytes: Buffer, ...args: string[]): Promise<Response> {
    return this.ask(method, path, '--data-binary', `@${await this.file(bytes)}`, ...args);
  }

  async file(bytes: Buffer): Promise<string> {
    this.#files++;
    const path = join(this.site.dir, `body-${this.#files}`);
    await writeFile(path, bytes);
    return path;
  }

  /** Where an upload goes on that is begun now, as the answer says it. */
  async begin(repository: string): Promise<string> {
    const { status, headers, body } = await this.ask('POST', `/v2/${repository}/blobs/uploads/`);
    if (status !== 202) throw new Error(`POST was answered ${status}: ${body}`);
    return headers.get('location') ?? '';
  }

  async push(repository: string, ...blobs: Blob[]): Promise<void> {
    for (const { bytes, digest } of blobs) {
      const at = await this.begin(repository);
      const path = at.replace(/^https:\/\/[^/]+/, '');
      const { status, body } = await this.send('PUT', `${path}?digest=${digest}`, bytes);
      if (status !== 201) throw new Error(`PUT was answered ${status}: ${body}`);
    }
  }

  /** @param type the media type. */
  put(repository: string, reference: string, { bytes }: Blob, type = types.image): Promise<Response> {
    const path = `/v2/${repository}/manifests/${reference}`;
    return this.send('PUT', path, bytes, '-H', `Content-Type: ${type}`);
  }

  async stop(): Promise<void> {
    await this.server.stop();
    await this.site.remove();
  }
}

/** The code of a refusal in the form of registries. */
export function refusalIn({ status, headers, body }: Response): [number, string] {
  const text = body.toString();
  if (headers.get('content-type') !== 'application/json') throw new Error(`no JSON: ${status} ${text}`);
  const { errors } = JSON.parse(text);
  return [status, errors[0].code];
}
