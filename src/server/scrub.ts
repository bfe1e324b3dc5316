// The server's scrubber, and how much its quarantine keeps: what they are given, and who hears what they
// find.

import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import type { Counters } from '../native/addon.ts';
import type { Objects } from '../objects/objects.ts';
import type { AuditLog } from '../rollout/audit_log.ts';
import { hostClock } from '../store/pace.ts';
import { presenceOf } from '../store/presence.ts';
import { boundQuarantine, type Quarantine, quarantineOf } from '../store/quarantine.ts';
import type { Finding, FindingState } from '../store/scrub_pass.ts';
import { Scrubber, type ScrubStatus } from '../store/scrubber.ts';
import type { Store } from '../store/store.ts';

export interface ScrubNeeds {
  store: Store;
  objects: Objects;
  audit: AuditLog;
  /** Makes the workers close the files of plans that are stale. */
  dropStalePlans(): Promise<void>;
  log: Logger;
}

export interface Scrubbing {
  /** Undefined: it is off. */
  status(): ScrubStatus | undefined;
  counters(): Counters;
  close(): Promise<void>;
}

const day = 86_400_000;
/** Milliseconds between two looks at the quarantine. */
const quarantineEvery = 600_000;

/** Characters of a reason in the audit log. */
const maxWhy = 1000;

/** What each finding means to whoever reads the log. Lost content is an error, the rest a warning. */
const errors = new Set<FindingState>(['damaged', 'missing', 'unreadable', 'misplaced']);
/** The findings after which the scrubber changed the store, with the action in the audit log. */
const actions: Partial<Record<FindingState, string>> = {
  damaged: 'blob-withdraw',
  misplaced: 'blob-withdraw',
  adopted: 'blob-adopt',
  removed: 'blob-remove',
};

export async function startScrubbing(config: Config, needs: ScrubNeeds): Promise<Scrubbing> {
  const quarantine = new QuarantineKeeper(config, needs);
  await quarantine.start();
  const { periodDays, bytesPerSecond } = config.scrub;
  const scrubber =
    periodDays > 0 && bytesPerSecond > 0 ? await scrubberOf(config, needs, quarantine) : undefined;
  scrubber?.start();
  return {
    status: () => scrubber?.status(),
    counters: () => ({ ...scrubber?.counters(), ...quarantine.counters() }),
    close: async () => {
      quarantine.close();
      await scrubber?.close();
    },
  };
}

async function scrubberOf(
  { store: root, scrub }: Config,
  { store, objects, audit, dropStalePlans, log }: ScrubNeeds,
  quarantine: QuarantineKeeper,
): Promise<Scrubber> {
  return new Scrubber({
    store,
    period: scrub.periodDays * day,
    bytesPerSecond: scrub.bytesPerSecond,
    clock: hostClock,
    doubt: (digest) => objects.doubt(digest).finally(dropStalePlans),
    mend: (digest) => objects.prove(digest, 'mode'),
    away: await presenceOf(root),
    onFinding: (finding) => {
      tell(finding, log);
      const { state, digest, detail } = finding;
      const action = actions[state];
      if (action !== undefined)
        audit
          .append({
            who: 'scrub',
            action,
            why: detail.slice(0, maxWhy),
            ...(digest !== undefined && { digest }),
          })
          .catch((error) => log.error({ err: error }, 'the audit log cannot be written'));
      if (state === 'damaged' || state === 'misplaced') void quarantine.look();
    },
    onTrouble: (said) => log.warn(`scrub: ${said}`),
  });
}

function tell({ state, digest, path, detail }: Finding, log: Logger): void {
  const about = { ...(digest !== undefined && { digest }), ...(path !== undefined && { path }), detail };
  if (errors.has(state)) log.error(about, `scrub: ${state}`);
  else log.warn(about, `scrub: ${state}`);
}

/** Looks at the quarantine now and then, and whether it keeps too much. */
class QuarantineKeeper {
  readonly #config: Config;
  readonly #needs: ScrubNeeds;
  #found: Quarantine = { files: 0, bytes: 0 };
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  constructor(config: Config, needs: ScrubNeeds) {
    this.#config = config;
    this.#needs = needs;
  }

  async start(): Promise<void> {
    this.#found = await quarantineOf(this.#config.store).catch(() => this.#found);
    this.#timer = setInterval(() => void this.look(), quarantineEvery);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  counters(): Counters {
    const { files, bytes } = this.#found;
    return {
      quarantine_files: files,
      quarantine_bytes: bytes,
      quarantine_limit: this.#config.scrub.quarantineBytes,
    };
  }

  /** Never rejects. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    const { store, log } = this.#needs;
    const { quarantineBytes } = this.#config.scrub;
    try {
      const isStored = (digest: string) => store.blob(digest) !== undefined;
      const { removed, ...left } = await boundQuarantine(store.root, quarantineBytes, isStored);
      this.#found = left;
      if (removed.length > 0)
        log.warn({ removed }, 'the quarantine was full: files whose blobs are stored again were removed');
      if (left.bytes > quarantineBytes)
        log.error(left, 'the quarantine is full: its files are all that is left of their blobs, and stay');
    } catch (error) {
      log.error({ err: error }, 'the quarantine cannot be looked at');
    }
  }
}
