// Servers that share buckets over an S3-compatible store.

import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { request as http, type IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { s3Keys } from './ceph.ts';
import { createSite, type Site, TestServer } from './server.ts';

export interface Got {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export class SharingNode {
  readonly site: Site;
  server: TestServer;

  private constructor(site: Site, server: TestServer) {
    this.site = site;
    this.server = server;
  }

  /** With the buckets `web`, versioned, and `once`, write-once. @param url of the store. */
  static async start(url: string, settings: Record<string, unknown> = {}): Promise<SharingNode> {
    const s3 = { bucket: 'sealgate', region: s3Keys.region, accessKey: 'access', secretKey: 'secret' };
    const fast = { connectSeconds: 2, firstByteSeconds: 3, idleSeconds: 3 };
    const share = { upstream: 'tier', freshSeconds: 1 };
    const site = await createSite({
      buckets: { web: 'versioned', once: 'write-once', own: 'versioned' },
      drain: { lameDuckSeconds: 0, graceSeconds: 1 },
      upstreams: { tier: { url, s3, ...fast } },
      sharedBuckets: { web: share, once: share },
      sites: [{ path: '/', protocol: 'objects' }],
      ...settings,
    });
    await writeFile(join(site.dir, 'access'), s3Keys.accessKey, { mode: 0o600 });
    await writeFile(join(site.dir, 'secret'), s3Keys.secretKey, { mode: 0o600 });
    return new SharingNode(site, await SharingNode.#serve(site));
  }

  static #serve(site: Site): Promise<TestServer> {
    return TestServer.start(site, '--workers', '1', '--listen', 'http://127.0.0.1:0');
  }

  async restart(): Promise<void> {
    this.server = await SharingNode.#serve(this.site);
  }

  /** One request. Rejects when the connection breaks. */
  ask(
    method: string,
    path: string,
    body?: string | Buffer,
    fields: Record<string, string> = {},
  ): Promise<Got> {
    const authorization = `Bearer ${this.site.token}`;
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    return new Promise((resolve, reject) => {
      const asked = http(
        this.server.url + path,
        { method, agent: false, headers: { authorization, ...length, ...fields } },
        (response) => {
          const pieces: Buffer[] = [];
          response.on('data', (piece: Buffer) => pieces.push(piece));
          response.on('error', reject);
          response.on('aborted', () => reject(new Error('the answer broke off')));
          response.on('end', () => {
            const { statusCode: status = 0, headers } = response;
            resolve({ status, headers, body: Buffer.concat(pieces) });
          });
        },
      );
      asked.on('error', reject);
      asked.end(body);
    });
  }

  put(path: string, body: string | Buffer, fields: Record<string, string> = {}): Promise<Got> {
    return this.ask('PUT', path, body, fields);
  }

  /** The status, and for 200 the body. */
  async get(path: string): Promise<string> {
    const { status, body } = await this.ask('GET', path);
    return status === 200 ? body.toString() : `${status}`;
  }

  async end(): Promise<void> {
    await this.server.stop();
    await this.site.remove();
  }
}

export function sha256(body: string | Buffer): string {
  return createHash('sha256').update(body).digest('hex');
}
