// A Sealgate with one worker behind caches, and what its access log says that they asked it.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCli } from '../support/runtime.ts';
import { createSite, type Site, TestServer } from '../support/server.ts';
import { writeTree } from '../support/tree.ts';
import { until } from '../support/wait.ts';
import type { Before, Cache } from './cache.ts';
import { startHaproxy } from './haproxy.ts';
import { startNginx } from './nginx.ts';
import { startVarnish } from './varnish.ts';

/** A line of the access log, as far as tests look. */
export interface Logged {
  method: string;
  target: string;
  status: number;
  host: string;
  range?: string;
  user_agent?: string;
}

export class Origin {
  readonly site: Site;
  server: TestServer;
  #caches: Cache[] = [];
  #markers = 0;

  private constructor(site: Site, server: TestServer) {
    this.site = site;
    this.server = server;
  }

  /** @param files contents by name of the bucket `web`, which is versioned. */
  static async start(files: Record<string, string | Uint8Array>, sites: object[]): Promise<Origin> {
    const site = await createSite({
      workers: 1,
      buckets: { web: 'versioned' },
      sentinel: { intervalSeconds: 0 },
      log: { level: 'info', access: 'access.log', fields: ['host', 'range', 'userAgent'] },
      sites,
    });
    const tree = join(site.dir, 'tree');
    await writeTree(tree, files);
    await runCli('import', tree, '--bucket', 'web', '--config', site.config);
    const listen = ['https://127.0.0.1:0', 'http://127.0.0.1:0'].flatMap((each) => ['--listen', each]);
    return new Origin(site, await TestServer.start(site, ...listen));
  }

  /** One cache of each kind before it, until it stops. */
  async caches(): Promise<Cache[]> {
    const [tls, plain] = this.server.urls.map((url) => Number(new URL(url).port));
    if (tls === undefined || plain === undefined) throw new Error('two listeners are needed');
    const before: Before = { dir: this.site.dir, plain, tls, certificate: this.site.certificate };
    this.#caches = await Promise.all([startNginx(before), startVarnish(before), startHaproxy(before)]);
    return this.#caches;
  }

  /** What is logged so far: lines come a while after their answers. */
  async log(): Promise<Logged[]> {
    const text = await readFile(join(this.site.dir, 'access.log'), 'utf8');
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    return whole
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  }

  /** All that was asked until now. */
  async requests(): Promise<Logged[]> {
    this.#markers += 1;
    const marker = `/marker-${this.#markers}`;
    await this.server.curl(marker);
    const isThere = (lines: Logged[]) => lines.some(({ target }) => target === marker);
    return until(() => this.log(), isThere, 'the line of the marker');
  }

  /** What a cache asked until now. */
  async askedBy({ name }: Cache): Promise<Logged[]> {
    return (await this.requests()).filter(({ user_agent }) => user_agent === `through-${name}`);
  }

  /** Stores other bytes under a name of the bucket. */
  async replace(name: string, content: string): Promise<void> {
    const file = join(this.site.dir, 'upload');
    const token = join(this.site.dir, 'token');
    await writeFile(file, content);
    await writeFile(token, this.site.token, { mode: 0o600 });
    await runCli('put', file, `web/${name}`, '--config', this.site.config, '--token-file', token);
  }

  /** A further server at the same ports, after the one before it ended. */
  async restart(): Promise<void> {
    const listen = this.server.urls.flatMap((url) => ['--listen', new URL(url).origin]);
    this.server = await TestServer.start(this.site, ...listen);
  }

  async stop(): Promise<void> {
    for (const cache of this.#caches) await cache.stop();
    await this.server.stop();
    await this.site.remove();
  }
}
