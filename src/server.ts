// startServer: puts store, application, delivery workers and control plane together, and takes them down.

import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { Tokens } from './auth/tokens.ts';
import type { Config } from './config/config.ts';
import { Baseline } from './control/baseline.ts';
import { type ControlListener, checkControl, listenControl } from './control/listener.ts';
import type { PlaneServices } from './control/plane.ts';
import { anyOffload } from './doctor/devices.ts';
import { DeliveryPool } from './engine/pool.ts';
import { reactorOptions } from './engine/reactor_options.ts';
import { Refusals } from './engine/refusals.ts';
import type { ServerSockets } from './engine/server_sockets.ts';
import { TlsFiles } from './engine/tls_files.ts';
import { addon, type BoundListener, type Counters, type NetDevice } from './native/addon.ts';
import { Coder } from './objects/coder.ts';
import { Epochs } from './objects/epochs.ts';
import { ResumableUploads } from './objects/resumable_uploads.ts';
import type { SharedObjects } from './objects/shared_objects.ts';
import type { Pausable } from './pause.ts';
import { Operating } from './protocols/mirror/operating.ts';
import { Operating as Registries } from './protocols/oci/operating.ts';
import { Upkeep } from './protocols/oci/upkeep.ts';
import { faultsOf, Readiness } from './readiness.ts';
import { checkKtls, modeBeside } from './rollout/kernel_tls.ts';
import { type Operation, startOperation } from './rollout/operation.ts';
import { createObjects, probeTiers, protocolServices, startBridge } from './server/application.ts';
import { Collector } from './server/collector.ts';
import { keepTlsFresh } from './server/fresh_tls.ts';
import { keepGrants } from './server/grants.ts';
import { type Health, withHealth } from './server/health.ts';
import { checkAccessLog, logCounters, openAccessLog, watchLogs } from './server/logs.ts';
import { openFilesLimit, withinOpenFiles } from './server/open_files.ts';
import { watchProxies } from './server/proxy_headers.ts';
import { startPurges } from './server/purges.ts';
import { Reload, type Reloaded } from './server/reload.ts';
import { Predecessor } from './server/replacement/predecessor.ts';
import { type Life, Succeeding } from './server/replacement/succeeding.ts';
import { serverSecrets } from './server/secrets.ts';
import { SharedCollector } from './server/shared_collector.ts';
import { ServedSites } from './server/sites.ts';
import { controlSocket, openServerSockets } from './server/sockets.ts';
import { type Opening, openServedStore } from './server/store.ts';
import { startWatchers, type Watchers } from './server/watchers.ts';
import type { Services } from './sites/mount.ts';
import type { Store } from './store/store.ts';
import { together } from './totals.ts';
import { MirrorSpace } from './upstream/mirror_space.ts';
import { Upstreams } from './upstream/upstreams.ts';

export interface StartOptions {
  /** File that receives all TLS secrets, with which captured traffic can be decrypted; empty: none. */
  keylogFile?: string;
  /** Reads the configuration again, for a reload; absent: its sites stay as they are. */
  readConfig?: () => Promise<Config>;
  /** The file that it reads. */
  configFile?: string;
  /** Take over from the server of the store that is running, if one is. */
  replace?: boolean;
}

export interface RunningServer {
  /** The bound addresses, with actual ports. */
  listeners: BoundListener[];
  /** Address of the control listener, `http://127.0.0.1:PORT`. */
  control: string;
  /** The configuration in use: a reload changes it. */
  config: Config;
  /**
   * Reopens the access log, and reads certificates, keys and the configuration again. Rejects with the
   * reasons when something cannot be used; then nothing has changed.
   */
  reload(): Promise<Reloaded>;
  /** Reopens the access log. Throws when that fails; then the old file stays in use. */
  reopenLogs(): void;
  /** Puts every new connection on userspace TLS. */
  rollBack(why: string): Promise<void>;
  /** Resolves with the reason when this process must end because only a new process can go on. */
  failed: Promise<string>;
  /** Resolves with the process that has taken over: this one has only its transfers left. */
  replaced: Promise<{ pid: number }>;
  /** Then: ends connections with their next answer, and releases everything after the last one. */
  retire(): Promise<void>;
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

/** Milliseconds that a server which replaces one waits for the lock of one that was killed meanwhile. */
const lockPatience = 10_000;

/** The sentinel's own token, for servers where reading needs one. */
const ownToken = randomBytes(32).toString('base64url');

type Closer = () => Promise<void> | void;

async function assemble(
  given: Config,
  log: Logger,
  { keylogFile = '', readConfig, configFile = '', replace = false }: StartOptions,
  closers: Closer[],
  closeAll: () => Promise<void>,
): Promise<RunningServer> {
  const predecessor = replace ? await Predecessor.of(given, log) : undefined;
  closers.push(() => predecessor?.close());
  const sockets = openServerSockets(given, closers, predecessor?.socketsOf(given));
  checkAccessLog(given);
  const devices = addon.netDevices();
  const config = fitting(given, devices, log);
  const ktls = checkKtls(config.ktls.mode, log);
  const tlsFiles = new TlsFiles(config.tls, keylogFile);
  const encrypted = config.listeners.some(({ tls }) => tls);
  const reactor = reactorOptions(config, encrypted ? await tlsFiles.read() : undefined, anyOffload(devices));
  const watch: Watchers = {};
  const [readiness, refusals] = [new Readiness(), new Refusals()];
  const live: Live = { state: 'starting', pool: undefined, control: undefined };
  const dropStalePlans = async () => live.pool?.dropStalePlans();
  const opening = { inherited: predecessor?.inherited, lockPatience: replace ? lockPatience : 0 };
  const content = await startContent(config, readiness, dropStalePlans, log, closers, opening);
  const { store, objects } = content;
  const { tokens, keys, counters: ofSecrets } = serverSecrets(config, log);
  const served = protocolServices(config, content, { tokens, ownToken }, log);
  const sites = new ServedSites(config, served);
  const purges = await startPurges(config, { store, sites, log, closers });
  const own = () => together(ofSecrets(), logCounters(), content.counters(), purges.counters());
  const counters = () => together(refusals.plus(totalsOf(live)), own(), watch.scrub?.counters());
  const connections = async (limit: number) => (await live.pool?.connections(limit)) ?? [];
  const operation = await startOperation(config, ktls, counters, log);
  const grants = keepGrants(config, { tokens, keys }, () => sites.inForce);
  closers.push(operation.close, watchLogs(counters, log), watchProxies(config, counters, log), grants.close);
  const reload = new Reload({
    ...{ ...content, asked: given, config, sites, purges, grants, log },
    ...{ readConfig, configFile, tlsFiles: encrypted ? tlsFiles : undefined, parts: () => live },
  });
  const services: ControlParts = {
    ...{ tokens, sockets, log, operation, baseline: new Baseline(), ktls, connections, counters },
    ...{ certificates: () => tlsFiles.ends(), sites: () => sites.counters(live.pool) },
    ...{ state: () => live.state, readiness },
    content: { ...content, dropStalePlans, log },
    ...{ sentinel: () => watch.sentinel?.status(), scrub: () => watch.scrub?.status() },
    ...{ collector: content.collector, purges, ...operatingOf(served, content, sites, log) },
    ...{ reloadTls: reload.tls, reload: reload.all, previewReload: reload.preview },
    explain: (url) => sites.explain(url, ownToken),
  };
  const openControl = () => startControl(config, services, live, closers);
  // While a server that is replaced serves, it answers who asks whether the server is ready.
  const early = predecessor ? await checkControl(config.control) : await openControl();
  const about = { state: () => live.state, faults: () => faultsOf(watch.sentinel?.status(), readiness) };
  const delivered = { sockets, about, store, objects, refusals, sites, predecessor, log };
  const started = await startDelivery(config, reactor, delivered, closers);
  live.pool = started;
  const plane = early ?? (await openControl());
  if (encrypted) closers.push(keepTlsFresh(config, started, tlsFiles, log));
  operation.resume();
  const needs = { store, objects, operation, token: ownToken, path: () => sites.objectsPath, log };
  const watchers = await startWatchers(config, needs, started, watch);
  live.watchers = watchers;
  closers.push(watchers.pause);
  await reload.announce();
  live.state = 'ready';
  const background = [reload, watchers, operation, purges, ...content.background];
  const what = { config, store, objects, growing: sites.growing, background, predecessor, closeAll, log };
  const ends = new Succeeding({ ...what, life: live, pool: started, control: plane });
  const reopenLogs = () => openAccessLog(config);
  return { ...running(started, plane, operation, ends), config, reload: reload.all, reopenLogs };
}

/** What operators ask of mirrors and registries. */
function operatingOf(
  services: Services,
  { store, collector }: { store: Store; collector: Collector },
  sites: ServedSites,
  log: Logger,
): { mirrors: Operating; registries: Registries } {
  const ask = (url: string) => sites.ask(url, ownToken);
  const inForce = () => sites.inForce ?? [];
  const epochs = new Epochs(addon);
  const stale = (bucket: string) => epochs.bump(bucket);
  const upkeep = new Upkeep({ services, sites: inForce, stale });
  const registries = new Registries({ upkeep, store, log });
  collector.beginWith((how) => registries.upkeep(how));
  return { mirrors: new Operating({ services, store, sites: inForce, ask }), registries };
}

function running(
  { listeners }: DeliveryPool,
  { url: control }: ControlListener,
  { rollout }: Operation,
  { failed, replaced, retire, stop }: Succeeding,
) {
  const rollBack = (why: string) => rollout.rollBack({ who: 'signal', why });
  return { listeners, control, rollBack, failed, replaced, retire, stop };
}

/** What is there once it has started. */
interface Live extends Life {
  pool: DeliveryPool | undefined;
  control: ControlListener | undefined;
  watchers?: Pausable;
}

const totalsOf = ({ pool }: Live) => pool?.counters() ?? {};

/** The store, what protocols do with it, and what frees its space. */
async function startContent(
  config: Config,
  readiness: Readiness,
  dropStalePlans: () => Promise<void>,
  log: Logger,
  closers: Closer[],
  opening: Opening,
) {
  const store = await openServedStore(config, readiness, log, opening);
  closers.push(() => store.close());
  const objects: SharedObjects = createObjects(config, store, () => upstreams);
  const epochs = new Epochs(addon);
  const space = new MirrorSpace({ store, objects, epochs, dropStalePlans, log });
  space.follow(config.sites ?? []);
  const upstreams = new Upstreams(config.upstreams, space, log);
  closers.push(() => upstreams.close());
  await probeTiers(config, upstreams, log);
  const collector = new Collector(objects, config.gc, dropStalePlans, log);
  const sharedCollector = new SharedCollector(config, upstreams, log);
  closers.push(
    () => collector.close(),
    () => sharedCollector.close(),
  );
  const coder = new Coder(store, log);
  closers.push(() => coder.close());
  const uploads = await ResumableUploads.open(store, objects, log);
  closers.push(() => uploads.close());
  const parts = [store, collector, sharedCollector, coder, uploads, upstreams];
  const counters = () => Object.assign({}, ...parts.map((part) => part.counters())) as Counters;
  const background: Pausable[] = [collector, sharedCollector, coder, space];
  return { background, store, objects, coder, uploads, collector, sharedCollector, upstreams, counters };
}

interface DeliveryParts {
  sockets: ServerSockets;
  /** What the health path is answered by. */
  about: Health;
  store: Store;
  objects: SharedObjects;
  refusals: Refusals;
  sites: ServedSites;
  predecessor: Predecessor | undefined;
  log: Logger;
}

/** The application, and the workers that ask it. From then on this process serves. */
async function startDelivery(
  config: Config,
  reactor: ReturnType<typeof reactorOptions>,
  { sockets, about, store, objects, refusals, sites, predecessor, log }: DeliveryParts,
  closers: Closer[],
): Promise<DeliveryPool> {
  await predecessor?.ready();
  const bridge = startBridge(withHealth(sites.handle, config.healthPath, about), objects, refusals, log);
  closers.push(() => bridge.close());
  const pool = await DeliveryPool.start({
    sockets,
    reactor: { ...reactor, mounts: sites.table },
    bridge,
    log,
  });
  closers.push(() => pool.stop(config.drain.graceSeconds * 1000));
  await predecessor?.serving({ objects, store, growing: sites.growing });
  return pool;
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

async function startControl(
  config: Config,
  { tokens, sockets, log, ...services }: ControlParts,
  live: Live,
  closers: Closer[],
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
  const listener = await listenControl(load, controlSocket(sockets, config), control);
  live.control = listener;
  closers.push(() => listener.close());
  return listener;
}
