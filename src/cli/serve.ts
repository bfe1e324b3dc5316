// serve: runs the server until it is told to stop.

import { resolve } from 'node:path';
import type { Command } from 'commander';
import { checkCertificates } from '../certificate.ts';
import { type Flags, loadConfig, urlOf } from '../config.ts';
import { createLog } from '../log.ts';
import { startServer } from '../server.ts';

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
    .addHelpText(
      'after',
      `
Examples:
  sealgate serve --config site/sealgate.json
  sealgate serve --listen https://127.0.0.1:8443 --listen http://127.0.0.1:8080 --ktls off

Prints 'listening URL' for each listener and 'control URL' once it accepts. The log goes to standard error.
SIGHUP reads certificates and keys again, and opens the access log anew.
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
  if (config.listeners.some(({ tls }) => tls)) await checkCertificates(config.tls);
  const log = createLog(config.log);
  const { insecureKeylog: keylogFile } = options;
  if (keylogFile) log.warn({ file: keylogFile }, 'all TLS secrets are being written');
  const server = await startServer(config, log, keylogFile ? { keylogFile: resolve(keylogFile) } : {});
  process.on('SIGHUP', () =>
    server.reload().then(
      () => log.info('certificates read and the access log opened again'),
      (error) =>
        log.error({ err: error }, 'not everything could be read or opened again; what was in use stays'),
    ),
  );
  process.on('SIGUSR2', () =>
    server.rollBack('SIGUSR2').catch((error) => log.error({ err: error }, 'the rollback is not on record')),
  );
  for (const listener of server.listeners) console.log(`listening ${urlOf(listener)}`);
  console.log(`control ${server.control}`);
  const signal = await Promise.race([firstSignal(), server.failed.then((why) => ({ why }))]);
  if (typeof signal !== 'string') {
    log.fatal(
      { why: signal.why },
      'the server ends, as only a new process can go on with the store; what was acknowledged is there',
    );
    process.exitCode = failedStatus;
    await server.stop();
    return;
  }
  log.info({ signal, graceSeconds: config.drain.graceSeconds }, 'draining; a second signal ends it at once');
  await server.stop();
  log.info('stopped');
}

/** The first of SIGTERM and SIGINT. The one after it ends the process with the status shells give it. */
function firstSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked = false;
    const onSignal = (signal: NodeJS.Signals) => {
      if (asked) process.exit(signal === 'SIGINT' ? 130 : 143);
      asked = true;
      resolve(signal);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}
