// What a reload does to the parts of a running server. Each part first says whether it can take what it is
// given, and changes nothing; then it takes it, and can give it back.

import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { checkPurgeSecrets } from '../auth/secret_line.ts';
import { SigningKeys } from '../auth/signing_keys.ts';
import type { Config } from '../config/config.ts';
import type { ControlListener } from '../control/listener.ts';
import type { DeliveryPool } from '../engine/pool.ts';
import type { TlsFiles } from '../engine/tls_files.ts';
import type { Pausable } from '../pause.ts';
import type { Purges } from '../purge/purges.ts';
import type { Store } from '../store/store.ts';
import type { Upstreams } from '../upstream/upstreams.ts';
import type { Collector } from './collector.ts';
import type { KeptGrants } from './grants.ts';
import { followLog } from './logs.ts';
import { isReloadable } from './reloadable.ts';
import type { SharedCollector } from './shared_collector.ts';
import type { ServedSites, SiteChanges } from './sites.ts';
import { checkKinds } from './store.ts';

export interface Change {
  /** May reject; then nothing of it has changed. */
  take(): Promise<void> | void;
  giveBack(): Promise<void> | void;
}

export interface Reloadables {
  store: Store;
  sites: ServedSites;
  purges: Purges;
  grants: KeptGrants;
  collector: Collector;
  sharedCollector: SharedCollector;
  upstreams: Upstreams;
  /** Undefined: no listener has TLS. */
  tlsFiles: TlsFiles | undefined;
  log: Logger;
}

/** What there is once the server has started. */
export interface StartedParts {
  pool: DeliveryPool;
  control: ControlListener;
  /** The sentinel and the scrubber. */
  watchers: Pausable;
}

type Given = Reloadables & StartedParts;

/**
 * In the order in which they take what they are given: what may fail comes first, and what cannot be given
 * back, a bucket that was made, after that. Rejects when a part cannot take it.
 */
export const parts: readonly ((before: Config, given: Config, all: Given) => Promise<Change> | Change)[] = [
  certificates,
  certificateOfControl,
  logs,
  purging,
  buckets,
  upstreams,
  sites,
  rules,
  limits,
  ({ gc: before }, { gc }, { collector, sharedCollector }) => ({
    take: () => {
      collector.follow(gc);
      sharedCollector.follow(gc.shared);
    },
    giveBack: () => {
      collector.follow(before);
      sharedCollector.follow(before.shared);
    },
  }),
  watching,
];

const nothing: Change = { take: () => {}, giveBack: () => {} };

async function certificates(_: Config, { tls }: Config, { tlsFiles, pool, log }: Given): Promise<Change> {
  if (!tlsFiles) return nothing;
  const [before, used] = [tlsFiles.inUse, pool.tls];
  const found = await tlsFiles.look(tls);
  return {
    take: () => {
      pool.replaceTls(found.options);
      tlsFiles.use(found);
      void tlsFiles.warn(log);
    },
    giveBack: () => {
      if (used) pool.replaceTls(used);
      if (before) tlsFiles.use(before);
    },
  };
}

async function certificateOfControl(_: Config, __: Config, { control }: Given): Promise<Change> {
  const renew = await control.renewal();
  let back = () => {};
  return {
    take: () => {
      back = renew();
    },
    giveBack: () => back(),
  };
}

function logs({ log: before }: Config, { log: given }: Config, { log }: Given): Change {
  return { take: () => followLog(given, log), giveBack: () => followLog(before, log) };
}

function purging({ purge: before }: Config, { purge: given }: Config, { purges }: Given): Change {
  checkPurgeSecrets(given);
  if (isDeepStrictEqual(before, given)) return nothing;
  return { take: () => purges.reconfigure(given), giveBack: () => purges.reconfigure(before) };
}

/** Declared buckets that are not there yet. */
export function missingBuckets({ buckets }: Config, store: Pick<Store, 'bucket'>): string[] {
  return Object.keys(buckets).filter((name) => !store.bucket(name));
}

function buckets(_: Config, given: Config, { store }: Given): Change {
  checkKinds(given, store);
  const take = async () => {
    for (const name of missingBuckets(given, store)) {
      const kind = given.buckets[name];
      if (kind) await store.createBucket(name, kind);
    }
  };
  return { take, giveBack: () => {} };
}

function upstreams(before: Config, given: Config, { upstreams }: Given): Change {
  const take = upstreams.prepare(given.upstreams);
  return { take, giveBack: () => upstreams.prepare(before.upstreams)() };
}

function sites(_: Config, given: Config, { sites, grants, purges, upstreams, pool }: Given): Change {
  new SigningKeys(given.sites);
  const before = sites.inForce;
  const serve = async (wanted: Config['sites']): Promise<SiteChanges> => {
    grants.follow(wanted);
    purges.follow(wanted);
    upstreams.space.follow(wanted ?? []);
    return await sites.replace(wanted, pool);
  };
  const giveBack = async () => void (await serve(before));
  const take = async () => {
    await serve(given.sites).catch(async (error) => {
      await giveBack();
      throw error;
    });
  };
  return { take, giveBack };
}

function rules(before: Config, given: Config, { pool }: Given): Change {
  const seen = ({ trustedProxies, rateLimits }: Config) => ({ trustedProxies, rateLimits });
  if (isDeepStrictEqual(seen(before), seen(given))) return nothing;
  return { take: () => pool.replaceRules(given), giveBack: () => pool.replaceRules(before) };
}

// The rest of the limits keep what they are in the workers, where the host may have lowered them.
function limits({ limits: before }: Config, { limits: given }: Config, { pool }: Given): Change {
  if (isDeepStrictEqual(before, given)) return nothing;
  const names = Object.keys(given).filter(
    (name) => isReloadable('limits', name) && name !== 'maxObjectBytes',
  );
  const some = (from: Config['limits']) =>
    Object.fromEntries(names.map((name) => [name, from[name as keyof Config['limits']]]));
  return {
    take: () => pool.replaceLimits(some(given)),
    giveBack: () => pool.replaceLimits(some(before)),
  };
}

function watching(before: Config, given: Config, { watchers }: Given): Change {
  const seen = ({ scrub, sentinel, tls }: Config) => ({ scrub, sentinel, asks: tls.clients.verify });
  if (isDeepStrictEqual(seen(before), seen(given))) return nothing;
  const restart = async () => {
    await watchers.pause();
    await watchers.resume();
  };
  return { take: restart, giveBack: restart };
}
