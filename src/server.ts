// startServer: puts store, application, delivery workers and control plane together, and takes them down.

import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { Tokens } from './auth/tokens.ts';
import type { Config } from './config.ts';
import { Baseline } from './control/baseline.ts';
import { type ControlListener, listenControl } from './control/listener.ts';
import type { PlaneServices } from './control/plane.ts';
import { anyOffload } from './doctor/devices.ts';
import { DeliveryPool } from './engine/pool.ts';
import { reactorOptions } from './engine/reactor_options.ts';
import { Refusals } from './engine/refusals.ts';
import type { ServerSockets } from './engine/server_sockets.ts';
import { TlsFiles } from './engine/tls_files.ts';
import { addon, type BoundListener, type NetDevice } from './native/addon.ts';
import { Coder } from './objects/coder.ts';
import type { Objects } from './objects/objects.ts';
import { faultsOf, Readiness } from './readiness.ts';
import { checkKtls, modeBeside } from './rollout/kernel_tls.ts';
import { startOperation } from './rollout/operation.ts';
import { withdraw } from './server/announcement.ts';
import { createObjects, protocolServices, startBridge } from './server/application.ts';
import { Collector } from './server/collector.ts';
import { keepTlsFresh } from './server/fresh_tls.ts';
import { keepGrants } from './server/grants.ts';
import { type Health, withHealth } from './server/health.ts';
import { lameDuck } from './server/lame_duck.ts';
import { checkAccessLog, logCounters, openAccessLog, watchLogs } from './server/logs.ts';
import { openFilesLimit, withinOpenFiles } from './server/open_files.ts';
import { watchProxies } from './server/proxy_headers.ts';
import { startPurges } from './server/purges.ts';
import { Reload, type Reloaded } from './server/reload.ts';
import { serverSecrets } from './server/secrets.ts';
import { ServedSites } from './server/sites.ts';
import { openServerSockets, passedControl } from './server/sockets.ts';
import { openServedStore } from './server/store.ts';
import { startWatchers, type Watchers } from './server/watchers.ts';

export interface StartOptions {
  /** File that receives all TLS secrets, with which captured traffic can be decrypted; empty: none. */
  keylogFile?: string;
  /** Reads the configuration again, for a reload; absent: its sites stay as they are. */
  readConfig?: () => Promise<Config>;
  /** The file that it reads. */
  configFile?: string;
}

export interface RunningServer {
  /** The bound addresses, with actual ports. */
  listeners: BoundListener[];
  /** Address of the control listener, `http://127.0.0.1:PORT`. */
  control: string;
  /**
   * Reopens the access log, and reads certificates, keys and the sites of the configuration again. Rejects
   * with the reasons when some cannot be used; then the old ones of these stay in use.
   */
  reload(): Promise<Reloaded>;
  /** Reopens the access log. Throws when that fails; then the old file stays in use. */
  reopenLogs(): void;
  /** Puts every new connection on userspace TLS. */
  rollBack(why: string): Promise<void>;
  /** Resolves with the reason when this process must end because only a new process can go on. */
  failed: Promise<string>;
  /**
   * Is a lame duck for config.drain.lameDuckSeconds, lets transfers finish within config.drain.graceSeconds
   * and releases everything. A second call joins the first.
   * @param atOnce without being a lame duck: the server cannot go on.
   */
  stop(atOnce?: boolean): Promise<void>;
}

/** Resolves when all workers accept connections. Rejects with the reason, after releasing everything. */
export async function startServer(
  config: Config,
  log: Logger,
  options: StartOptions = {},
): Promise<RunningServer> {
  const closers: Closer[] = [];
  const closeAll = async () => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    return await assemble(config, log, options, closers, closeAll);
  } catch (cause) {
    await closeAll();
    throw cause;
  }
}

/** The sentinel's own token, for servers where reading needs one. */
const ownToken = randomBytes(32).toString('base64url');

type Closer = () => Promise<void> | void;

async function assemble(
  given: Config,
  log: Logger,
  { keylogFile = '', readConfig, configFile = '' }: StartOptions,
  closers: Closer[],
  closeAll: () => Promise<void>,
): Promise<RunningServer> {
  const sockets = openServerSockets(given, closers);
  checkAccessLog(given);
  const devices = addon.netDevices();
  const config = fitting(given, devices, log);
  const ktls = checkKtls(config.ktls.mode, log);
  const tlsFiles = new TlsFiles(config.tls, keylogFile);
  const encrypted = config.listeners.some(({ tls }) => tls);
  const reactor = reactorOptions(config, encrypted ? await tlsFiles.read() : undefined, anyOffload(devices));
  let state: 'starting' | 'ready' | 'draining' = 'starting';
  const watch: Watchers = {};
  let control: ControlListener | undefined;
  const readiness = new Readiness();
  let pool: DeliveryPool | undefined;
  const dropStalePlans = async () => pool?.dropStalePlans();
  const content = await startContent(config, readiness, dropStalePlans, log, closers);
  const { store, objects } = content;
  const refusals = new Refusals();
  const { tokens, keys, counters: ofSecrets } = serverSecrets(config, log);
  const sites = new ServedSites(config, protocolServices(config, content, { tokens, ownToken }, log));
  const purges = await startPurges(config, { store, sites, log, closers });
  const own = () => ({ ...ofSecrets(), ...logCounters(), ...content.counters(), ...purges.counters() });
  const counters = () => ({ ...refusals.plus(pool?.counters() ?? {}), ...own(), ...watch.scrub?.counters() });
  const connections = async (limit: number) => (await pool?.connections(limit)) ?? [];
  const operation = await startOperation(config, ktls, counters, log);
  const grants = keepGrants(config, { tokens, keys }, () => sites.inForce);
  closers.push(operation.close, watchLogs(counters, log), watchProxies(config, counters, log), grants.close);
  const reopenLogs = () => openAccessLog(config);
  const reload = new Reload({
    ...{ config: given, sites, purges, followKeys: grants.follow, readConfig, configFile, reopenLogs, log },
    ...{ tlsFiles: encrypted ? tlsFiles : undefined, parts: () => ({ pool, control }) },
  });
  control = await startControl(config, {
    ...{ tokens, sockets, log, operation, baseline: new Baseline(), ktls, connections, counters },
    ...{ certificates: () => tlsFiles.ends(), sites: () => pool?.sites() ?? {} },
    ...{ state: () => state, readiness },
    content: { ...content, dropStalePlans, log },
    ...{ sentinel: () => watch.sentinel?.status(), scrub: () => watch.scrub?.status() },
    ...{ collector: content.collector, purges },
    ...{ reloadTls: reload.tls, reload: reload.all, previewReload: reload.preview },
    explain: (url) => sites.explain(url, ownToken),
  });
  closers.push(control.close);
  const about = { state: () => state, faults: () => faultsOf(watch.sentinel?.status(), readiness) };
  const parts = { sockets, about, objects, refusals, sites, log };
  const started = await startDelivery(config, reactor, parts, closers);
  pool = started;
  if (encrypted) closers.push(keepTlsFresh(config, started, tlsFiles, log));
  operation.begin();
  const needs = { store, objects, operation, token: ownToken, path: () => sites.objectsPath, log };
  closers.push(await startWatchers(config, needs, started, watch));
  await reload.announce();
  closers.push(() => withdraw(config));
  state = 'ready';

  const stop = once(async (atOnce = false) => {
    state = 'draining';
    if (!atOnce) await lameDuck(config, () => started.windDown(), log);
    await closeAll();
  });
  const rollBack = (why: string) => operation.rollout.rollBack({ who: 'signal', why });
  const running = { listeners: started.listeners, control: control.url, failed: store.ended };
  return { ...running, reload: reload.all, reopenLogs, rollBack, stop };
}

/** The store, what protocols do with it, and what frees its space. */
async function startContent(
  config: Config,
  readiness: Readiness,
  dropStalePlans: () => Promise<void>,
  log: Logger,
  closers: Closer[],
) {
  const store = await openServedStore(config, readiness, log);
  closers.push(() => store.close());
  const objects = createObjects(config, store);
  const collector = new Collector(objects, config.gc, dropStalePlans, log);
  closers.push(() => collector.close());
  const coder = new Coder(store, log);
  closers.push(() => coder.close());
  const counters = () => ({ ...store.counters(), ...collector.counters(), ...coder.counters() });
  return { store, objects, coder, collector, counters };
}

interface DeliveryParts {
  sockets: ServerSockets;
  /** What the health path is answered by. */
  about: Health;
  objects: Objects;
  refusals: Refusals;
  sites: ServedSites;
  log: Logger;
}

/** The application, and the workers that ask it. */
async function startDelivery(
  config: Config,
  reactor: ReturnType<typeof reactorOptions>,
  { sockets, about, objects, refusals, sites, log }: DeliveryParts,
  closers: Closer[],
): Promise<DeliveryPool> {
  const bridge = startBridge(withHealth(sites.handle, config.healthPath, about), objects, refusals, log);
  closers.push(() => bridge.close());
  const pool = await DeliveryPool.start({
    sockets,
    reactor: { ...reactor, mounts: sites.table },
    bridge,
    log,
  });
  closers.push(() => pool.stop(config.drain.graceSeconds * 1000));
  return pool;
}

/** Later calls return the first call's result. */
function once<A extends unknown[]>(work: (...args: A) => Promise<void>): (...args: A) => Promise<void> {
  let done: Promise<void> | undefined;
  return (...args) => {
    done ??= work(...args);
    return done;
  };
}

/** The configuration, adjusted to what this host can do. */
function fitting(given: Config, devices: NetDevice[], log: Logger): Config {
  const ktls = { ...given.ktls, mode: modeBeside(devices, given.ktls, log) };
  return { ...given, ktls, limits: fittingLimits(given, log) };
}

function fittingLimits({ limits, workers }: Config, log: Logger): Config['limits'] {
  const openFiles = openFilesLimit();
  const fitting = withinOpenFiles(limits, workers, openFiles);
  const { connections, planCacheEntries } = fitting;
  if (fitting !== limits)
    log.info(
      { openFiles, connections, planCacheEntries },
      'limits of a worker lowered to the open files allowed',
    );
  return fitting;
}

interface ControlParts extends Omit<PlaneServices, 'access' | 'config'> {
  tokens: Tokens;
  sockets: ServerSockets;
  log: Logger;
}

function startControl(
  config: Config,
  { tokens, sockets, log, ...services }: ControlParts,
): Promise<ControlListener> {
  const { control } = config;
  const where = 'path' in control.listen ? 'unix' : 'loopback';
  const access = { tokens: control.auth === 'token' ? tokens : undefined, where, log };
  const load = async () => {
    try {
      const { controlPlane } = await import('./control/plane.ts');
      return controlPlane({ access, config, ...services });
    } catch (error) {
      log.error({ err: error }, 'the control plane cannot be loaded');
      throw error;
    }
  };
  return listenControl(load, control.listen, control, passedControl(sockets));
}
