// serve: runs the server until it is told to stop.

import { writeSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Logger } from 'pino';
import { checkCertificates } from '../certificate.ts';
import { type Config, type Flags, loadConfig, urlOf } from '../config.ts';
import { createLog } from '../log.ts';
import { addon } from '../native/addon.ts';
import { logDestination } from '../server/logs.ts';
import { type RunningServer, startServer } from '../server.ts';
import { endForGood, endOnUncaughtErrors } from './ending.ts';
import { type EndSignal, onEndSignal, signalStatus } from './signals.ts';

/** Seconds after the grace of a drain that everything else may take to end. */
const endPatience = 10;

/** sysexits(3) EX_IOERR: a supervisor starts the server anew. */
const failedStatus = 74;

interface ServeOptions {
  config?: string;
  store?: string;
  listen?: string[];
  control?: string;
  workers?: string;
  ktls?: string;
  accessLog?: string;
  logLevel?: string;
  insecureKeylog?: string;
  coreDumps?: boolean;
}

export function addServe(program: Command): void {
  program
    .command('serve')
    .description('serve the store until SIGTERM or SIGINT; a second signal ends it at once')
    .option('-c, --config <file>', 'configuration (default: sealgate.json here; $SEALGATE_CONFIG)')
    .option(
      '--listen <url...>',
      'https:// or http:// with address and port, port 0 for any; $SEALGATE_LISTEN',
    )
    .option('--control <url>', 'control listener, a loopback http:// URL; $SEALGATE_CONTROL')
    .option('--workers <n>', 'delivery threads; $SEALGATE_WORKERS')
    .option('--ktls <mode>', 'auto, off (userspace TLS only) or require; $SEALGATE_KTLS')
    .option('--store <dir>', 'the content store; $SEALGATE_STORE')
    .option('--access-log <file>', 'a JSON line for each response; - for stdout; $SEALGATE_ACCESS_LOG')
    .option('--log-level <level>', 'silent to trace; $SEALGATE_LOG_LEVEL')
    .option('--insecure-keylog <file>', 'write all TLS secrets there: whoever reads it reads the traffic')
    .option('--core-dumps', 'let the kernel write cores: they hold private keys and tokens')
    .addHelpText(
      'after',
      `
Examples:
  sealgate serve --config site/sealgate.json
  sealgate serve --listen https://127.0.0.1:8443 --listen http://127.0.0.1:8080 --ktls off

Prints 'listening URL' for each listener and 'control URL' once it accepts, on standard error when the access
log has standard output. The log goes to standard error; logs that cannot be written do no harm.
SIGTERM and SIGINT end it: responses under way are finished first. A second one ends it at once.
SIGHUP reads certificates and keys again, and opens the access log anew.
SIGUSR1 opens the access log anew, and does nothing else.
SIGUSR2 rolls kernel TLS back: every new connection is userspace TLS.
The control plane answers GET / (dashboard), /metrics, /healthz, /readyz, /status, /history, /rollout, /audit,
/connections, /diagnosis and /doctor, and takes POST /rollout, /rollout/rollback and /tls/reload.`,
    )
    .action(serve);
}

async function serve(options: ServeOptions): Promise<void> {
  const flags: Flags = {
    store: { flag: '--store', value: options.store },
    listeners: { flag: '--listen', value: options.listen },
    'control.listen': { flag: '--control', value: options.control },
    workers: { flag: '--workers', value: options.workers },
    'ktls.mode': { flag: '--ktls', value: options.ktls },
    'log.access': { flag: '--access-log', value: options.accessLog },
    'log.level': { flag: '--log-level', value: options.logLevel },
  };
  const config = await loadConfig({ file: options.config, flags });
  if (!options.coreDumps) addon.forbidCoreDumps();
  if (config.listeners.some(({ tls }) => tls)) await checkCertificates(config.tls);
  endForGood();
  const log = createLog(config.log, logDestination());
  endOnUncaughtErrors(log);
  const { insecureKeylog: keylogFile } = options;
  if (keylogFile) log.warn({ file: keylogFile }, 'all TLS secrets are being written');
  const server = await startServer(config, log, keylogFile ? { keylogFile: resolve(keylogFile) } : {});
  hearOperators(server, log);
  announce(server, config);
  const signal = await Promise.race([firstEndSignal(), server.failed.then((why) => ({ why }))]);
  const { graceSeconds } = config.drain;
  const failed = typeof signal !== 'string';
  if (failed)
    log.fatal(
      { why: signal.why },
      'the server ends, as only a new process can go on with the store; what was acknowledged is there',
    );
  else log.info({ signal, graceSeconds }, 'draining; a second signal ends it at once');
  const late = () => {
    log.error('not everything has ended in time; the process ends all the same');
    process.exit(failed ? failedStatus : 1);
  };
  setTimeout(late, (graceSeconds + endPatience) * 1000).unref();
  await server.stop();
  log.info('stopped');
  process.exit(failed ? failedStatus : 0);
}

function hearOperators(server: RunningServer, log: Logger): void {
  process.on('SIGHUP', () =>
    server.reload().then(
      () => log.info('certificates read and the access log opened again'),
      (error) =>
        log.error({ err: error }, 'not everything could be read or opened again; what was in use stays'),
    ),
  );
  process.on('SIGUSR1', () => {
    try {
      server.reopenLogs();
      log.info('the access log was opened again');
    } catch (error) {
      log.error({ err: error }, 'the access log could not be opened again; the one in use stays');
    }
  });
  process.on('SIGUSR2', () =>
    server.rollBack('SIGUSR2').catch((error) => log.error({ err: error }, 'the rollback is not on record')),
  );
}

// Whoever was to read it may be gone: that is no reason to end.
function announce(server: RunningServer, { log }: Config): void {
  const listening = server.listeners.map((listener) => `listening ${urlOf(listener)}\n`);
  const lines = `${listening.join('')}control ${server.control}\n`;
  try {
    writeSync(log.access === '-' ? 2 : 1, lines);
  } catch {}
}

/** The one after it ends the process with the status shells give it. */
function firstEndSignal(): Promise<EndSignal> {
  return new Promise((resolve) => {
    onEndSignal((first) => {
      onEndSignal((second) => process.exit(signalStatus[second]));
      resolve(first);
    });
  });
}
