// serve: runs the server until a signal ends it.

import { writeSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Logger } from 'pino';
import { SigningKeys } from '../auth/signing_keys.ts';
import { type Config, configPath, type Flags, loadConfig, urlOf } from '../config/config.ts';
import { TlsFiles } from '../engine/tls_files.ts';
import { createLog } from '../log.ts';
import { addon } from '../native/addon.ts';
import { logDestination } from '../server/logs.ts';
import { tellNoMore, tellReady, tellStopping } from '../server/manager.ts';
import { type RunningServer, startServer } from '../server.ts';
import { endForGood, endOnUncaughtErrors } from './ending.ts';
import { type EndSignal, onEndSignal, signalStatus } from './signals.ts';

/** Seconds for a start under way, and for the rest of the shutdown after the drain's times. */
const endPatience = 10;

/** EX_IOERR of sysexits(3): a supervisor restarts the server. */
const failedStatus = 74;

interface ServeOptions {
  config?: string;
  store?: string;
  listen?: string[];
  control?: string;
  user?: string;
  workers?: string;
  ktls?: string;
  accessLog?: string;
  logLevel?: string;
  insecureKeylog?: string;
  coreDumps?: boolean;
  replace?: boolean;
  http2: boolean;
}

export function addServe(program: Command): void {
  program
    .command('serve')
    .description('serve the store until SIGTERM or SIGINT; a second signal ends it at once')
    .option('-c, --config <file>', 'configuration file (default: ./sealgate.json; $SEALGATE_CONFIG)')
    .option(
      '--listen <url...>',
      'address to serve content at: https://IP:PORT, http://IP:PORT or unix:PATH; port 0: any; ' +
        '$SEALGATE_LISTEN',
    )
    .option(
      '--control <url>',
      'address of the control plane: http:// on loopback, https:// or unix:; $SEALGATE_CONTROL',
    )
    .option('--no-http2', 'HTTP/1.1 alone, at all addresses')
    .option(
      '--user <name>',
      'NAME or NAME:GROUP to become once addresses are bound, for root; $SEALGATE_USER',
    )
    .option('--workers <n>', 'number of delivery threads; $SEALGATE_WORKERS')
    .option('--ktls <mode>', 'auto, off (userspace TLS only) or require; $SEALGATE_KTLS')
    .option('--store <dir>', 'directory of the store; $SEALGATE_STORE')
    .option('--access-log <file>', 'file for a JSON line per response; - for stdout; $SEALGATE_ACCESS_LOG')
    .option('--log-level <level>', 'lowest level that is logged, silent to trace; $SEALGATE_LOG_LEVEL')
    .option(
      '--insecure-keylog <file>',
      'write all TLS secrets to a file, which lets its readers decrypt the traffic',
    )
    .option('--replace', 'take over from the running server of the store, without losing a request')
    .option('--core-dumps', 'allow core dumps, which contain private keys and tokens')
    .addHelpText(
      'after',
      `
Examples:
  sealgate serve --config site/sealgate.json
  sealgate serve --listen https://127.0.0.1:8443 --listen http://127.0.0.1:8080 --ktls off

When the server accepts connections it prints 'listening URL' for each listener and 'control URL', on standard
error if the access log uses standard output. The log goes to standard error. The server keeps running when a
log cannot be written.
SIGTERM and SIGINT end the server after running transfers have finished; a second signal ends it at once.
With drain.lameDuckSeconds it is served so long before that, while /readyz and the healthPath answer 503.
SIGHUP reads certificates, keys and the configuration again, all or nothing, and reopens the access log.
SIGUSR1 reopens the access log, and does nothing else.
SIGUSR2 rolls kernel TLS back: every new connection uses userspace TLS.
With --replace, the running server of the same store hands over to this one, and ends with its transfers. If
this one cannot start, the other one goes on. If none is running, this one starts as ever.
The control plane answers GET / (dashboard), /metrics, /healthz, /readyz, /status, /history, /rollout, /audit,
/connections, /diagnosis, /doctor, /buckets, /gc, /purges, /mirrors, /mirrors/objects,
/repositories, /repositories/tags, /repositories/why, /explain and
/reload, and POST /rollout, /rollout/rollback, /reload, /tls/reload, /buckets, /buckets/set, /gc,
/purges/retry, /purges/everything, /mirrors/warm, /mirrors/check, /mirrors/forget,
/repositories/remove, /repositories/tidy and
/forget.`,
    )
    .action(serve);
}

async function serve(options: ServeOptions): Promise<void> {
  const flags: Flags = {
    store: { flag: '--store', value: options.store },
    listeners: { flag: '--listen', value: options.listen },
    'control.listen': { flag: '--control', value: options.control },
    user: { flag: '--user', value: options.user },
    workers: { flag: '--workers', value: options.workers },
    'ktls.mode': { flag: '--ktls', value: options.ktls },
    'log.access': { flag: '--access-log', value: options.accessLog },
    'log.level': { flag: '--log-level', value: options.logLevel },
  };
  const readConfig = async () => {
    const config = await loadConfig({ file: options.config, flags });
    if (!options.http2) for (const listener of config.listeners) listener.http2 = false;
    return config;
  };
  const config = await readConfig();
  if (!options.coreDumps) addon.forbidCoreDumps();
  if (config.listeners.some(({ tls }) => tls)) await new TlsFiles(config.tls, '').read();
  new SigningKeys(config.sites);
  endForGood();
  const log = createLog(config.log, logDestination());
  endOnUncaughtErrors(log);
  const { insecureKeylog: keylogFile } = options;
  if (keylogFile) log.warn({ file: keylogFile }, 'all TLS secrets are being written');
  const told = firstEndSignal(log);
  const starting = startServer(config, log, {
    readConfig,
    configFile: configPath({ file: options.config }),
    replace: options.replace === true,
    ...(keylogFile && { keylogFile: resolve(keylogFile) }),
  });
  const early = await Promise.race([told, starting.then(() => undefined)]);
  if (early) return endStart(early, starting);
  const server = await starting;
  hearOperators(server, log);
  announce(server, config);
  tellReady(log, server.listeners.length);
  const failure = server.failed.then((why) => ({ why }));
  const by = await Promise.race([told, failure, server.replaced]);
  const signal = typeof by === 'object' && 'pid' in by ? await retired(by, server, told, log) : by;
  const { lameDuckSeconds, graceSeconds } = server.config.drain;
  const failed = typeof signal !== 'string';
  if (failed)
    log.fatal(
      { why: signal.why },
      'the server ends, as only a new process can go on with the store; what was acknowledged is there',
    );
  else log.info({ signal, lameDuckSeconds, graceSeconds }, 'draining; a second signal ends it at once');
  tellStopping(log, lameDuckSeconds + graceSeconds);
  const late = () => {
    log.error('not everything has ended in time; the process ends all the same');
    process.exit(failed ? failedStatus : 1);
  };
  setTimeout(late, ((failed ? 0 : lameDuckSeconds) + graceSeconds + endPatience) * 1000).unref();
  await server.stop(failed);
  log.info('stopped');
  process.exit(failed ? failedStatus : 0);
}

// Resolves with a signal that comes meanwhile.
async function retired(
  { pid }: { pid: number },
  server: RunningServer,
  told: Promise<EndSignal>,
  log: Logger,
): Promise<EndSignal> {
  tellNoMore();
  const { replacedSeconds } = server.config.drain;
  log.info({ by: pid, replacedSeconds }, 'another process has taken over; this one ends with its transfers');
  const end = server.retire().then(() => undefined);
  const signal = await Promise.race([told, end]);
  if (signal !== undefined) return signal;
  log.info('stopped');
  process.exit(0);
}

// A store that was closed needs no check at the next start. One that was not is as safe.
async function endStart(signal: EndSignal, starting: Promise<RunningServer>): Promise<never> {
  const end = () => process.exit(signalStatus[signal]);
  setTimeout(end, endPatience * 1000).unref();
  const server = await starting;
  await server.stop(true);
  return end();
}

function hearOperators(server: RunningServer, log: Logger): void {
  const hasLog = () => server.config.log.access !== '';
  process.on('SIGHUP', () =>
    server.reload().then(
      () =>
        log.info(hasLog() ? 'certificates read and the access log opened again' : 'certificates read again'),
      (error) => log.error({ err: error }, 'the reload was refused; all that was in use stays'),
    ),
  );
  process.on('SIGUSR1', () => {
    try {
      server.reopenLogs();
      log.info(hasLog() ? 'the access log was opened again' : 'there is no access log to open again');
    } catch (error) {
      log.error({ err: error }, 'the access log could not be opened again; the one in use stays');
    }
  });
  process.on('SIGUSR2', () =>
    server.rollBack('SIGUSR2').catch((error) => log.error({ err: error }, 'the rollback is not on record')),
  );
}

// Whoever started the server may have closed the pipe, which is no reason to end.
function announce(server: RunningServer, { log }: Config): void {
  const listening = server.listeners.map((listener) => `listening ${urlOf(listener)}\n`);
  const lines = `${listening.join('')}control ${server.control}\n`;
  try {
    writeSync(log.access === '-' ? 2 : 1, lines);
  } catch {}
}

/** Resolves at the first signal; the next one ends the process with the status that shells report for it. */
function firstEndSignal(log: Logger): Promise<EndSignal> {
  return new Promise((resolve) => {
    onEndSignal((first) => {
      onEndSignal((second) => {
        log.warn({ signal: second }, 'a second signal: the server ends at once, running transfers are cut');
        process.exit(signalStatus[second]);
      });
      resolve(first);
    });
  });
}
