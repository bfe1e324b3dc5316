// A shared store as a server has it, without the server.

import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { upstreamsSchema } from '../../src/config/upstreams.ts';
import { Fetcher } from '../../src/upstream/fetcher.ts';
import { Tier } from '../../src/upstream/tier.ts';
import { collectTier, type RoundOptions } from '../../src/upstream/tier_collection.ts';
import { Upstream } from '../../src/upstream/upstream.ts';
import { s3Keys } from './ceph.ts';
import { sha256 } from './sharing.ts';
import { temporaryFolder } from './store.ts';

type Sizes = ConstructorParameters<typeof Tier>[1];

export class OpenTier {
  readonly tier: Tier;
  readonly upstream: Upstream;
  readonly #dir: string;
  readonly #fetcher: Fetcher;

  private constructor(dir: string, url: string, sizes: Sizes) {
    this.#dir = dir;
    this.#fetcher = new Fetcher();
    const keys = { accessKey: join(dir, 'access'), secretKey: join(dir, 'secret') };
    const s3 = { bucket: 'sealgate', region: s3Keys.region, ...keys };
    const { tier: config } = upstreamsSchema.parse({ tier: { url, s3, firstByteSeconds: 60 } });
    if (!config) throw new Error('there is no upstream');
    this.upstream = new Upstream('tier', config, this.#fetcher, pino({ level: 'silent' }));
    this.tier = new Tier(this.upstream, sizes);
  }

  static async at(url: string, sizes: Sizes = {}): Promise<OpenTier> {
    const dir = await temporaryFolder();
    for (const which of ['access', 'secret'] as const)
      await writeFile(join(dir, which), s3Keys[`${which}Key`], { mode: 0o600 });
    return new OpenTier(dir, url, sizes);
  }

  /** Has the store have a text, as a write does before its record. */
  async keep(text: string) {
    const [path, digest] = [join(this.#dir, crypto.randomUUID()), sha256(text)];
    await writeFile(path, text);
    return this.tier.keep({ digest, size: Buffer.byteLength(text), path });
  }

  /** With its record, at a new name. */
  async put(name: string, text: string): Promise<string> {
    const { place } = await this.keep(text);
    const about = { format: 1 as const, stamp: crypto.randomUUID(), version: 1, created: Date.now() };
    const what = { digest: sha256(text), size: Buffer.byteLength(text), mediaType: 'text/plain' };
    const record = { ...about, ...what, ...(place !== undefined && { place }) };
    const written = await this.tier.write({ bucket: 'web', name }, record, undefined);
    if ('differs' in written) throw new Error(`${name} is there already`);
    return sha256(text);
  }

  collect(options: Partial<RoundOptions> = {}) {
    const usual = { graceSeconds: 1, deletionSeconds: 8, requestsPerSecond: 1000, dryRun: false };
    return collectTier(this.tier, { ...usual, signal: new AbortController().signal, ...options });
  }

  async end(): Promise<void> {
    await this.#fetcher.close();
    await rm(this.#dir, { recursive: true });
  }
}
