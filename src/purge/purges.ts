// Purges: the hooks of a server, each with its place in the queue of changed names.

import { checkPurgeSecrets } from '../auth/secret_line.ts';
import type { Config } from '../config/config.ts';
import type { SiteConfig } from '../config/sites.ts';
import type { Counters } from '../native/addon.ts';
import { publicUrlOf } from '../public_urls.ts';
import type { ChangedNames } from '../store/changed_names.ts';
import { type HookParts, HookQueue, type HookStatus } from './hook.ts';
import { Sender } from './sender.ts';

export class Purges {
  readonly #changed: ChangedNames;
  readonly #sites: () => readonly SiteConfig[];
  #config: Config['purge'];
  readonly #parts: HookParts;
  #hooks: ReadonlyMap<string, HookQueue>;
  readonly #sender = new Sender();

  private constructor(config: Config['purge'], parts: Omit<HookParts, 'sender'>) {
    this.#changed = parts.changed;
    this.#sites = parts.sites;
    this.#config = config;
    this.#parts = { ...parts, sender: this.#sender };
    this.#hooks = this.#made();
  }

  #made() {
    return new Map(this.#config.hooks.map((hook) => [hook.name, new HookQueue(hook, this.#parts)]));
  }

  /** Throws ConfigError when a secret cannot be used. */
  static async start(config: Config['purge'], parts: Omit<HookParts, 'sender'>): Promise<Purges> {
    checkPurgeSecrets(config);
    const purges = new Purges(config, parts);
    await purges.#begin();
    return purges;
  }

  async #begin(): Promise<void> {
    const maxNames = this.#config.maxWaiting;
    const onChange = () => this.#each((hook) => hook.begin());
    await this.#changed.watch([...this.#hooks.keys()], bucketsOf(this.#sites()), { maxNames, onChange });
    onChange();
  }

  #each(work: (hook: HookQueue) => void): void {
    for (const hook of this.#hooks.values()) work(hook);
  }

  /** These sites are served from now on, too: call it before they are. */
  readonly follow = (sites: Config['sites']): void => {
    if (this.#hooks.size > 0) this.#changed.follow(bucketsOf([...this.#sites(), ...(sites ?? [])]));
  };

  status(): HookStatus[] {
    return [...this.#hooks.values()].map((hook) => hook.status());
  }

  /** Tries again now what has failed. */
  retry(): void {
    this.#each((hook) => hook.retry());
  }

  /** Has all hooks purge everything. */
  async everything(why: string): Promise<void> {
    await this.#changed.everything(why);
    this.retry();
  }

  counters(): Counters {
    const found: Counters = {};
    for (const { name, names, since, sent, failures, fault, everything } of this.status()) {
      found[`purges_waiting.${name}`] = names + Number(everything !== undefined);
      found[`purges_oldest.${name}`] = since === undefined ? 0 : Math.max(0, Date.now() - since) / 1000;
      found[`purges_sent.${name}`] = sent;
      found[`purge_failures.${name}`] = failures;
      found[`purges_failing.${name}`] = Number(fault !== undefined);
    }
    return found;
  }

  /** Tells nobody anything before `resume`. What has not been told by then is on record. */
  async pause(): Promise<void> {
    await Promise.all([...this.#hooks.values()].map((hook) => hook.close()));
  }

  /** Goes on from what is on record. */
  async resume(): Promise<void> {
    this.#hooks = this.#made();
    await this.#begin();
  }

  /** These hooks are told from now on. Rejects when they cannot be; then those before are. */
  async reconfigure(config: Config['purge']): Promise<void> {
    const before = this.#config;
    await this.pause();
    this.#config = config;
    await this.resume().catch(async (error) => {
      await this.pause();
      this.#config = before;
      await this.resume();
      throw error;
    });
  }

  async close(): Promise<void> {
    await this.pause();
    this.#sender.close();
  }
}

/** Buckets whose names sites serve; undefined: any may be. */
function bucketsOf(sites: readonly SiteConfig[]): ReadonlySet<string> | undefined {
  const served = sites.filter((site) => publicUrlOf(site) !== undefined);
  if (served.some(({ protocol }) => protocol === 'objects')) return undefined;
  return new Set(served.flatMap(({ bucket }) => (bucket === undefined ? [] : [bucket])));
}
