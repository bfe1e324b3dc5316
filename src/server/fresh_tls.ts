// Keeps certificates and ticket keys up to date while the server runs.

import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import type { DeliveryPool } from '../engine/pool.ts';
import type { TlsFiles } from '../engine/tls_files.ts';
import { addon } from '../native/addon.ts';

/** Milliseconds between two warnings of certificates that end. */
const warnEvery = 86_400_000;

/**
 * Until it is called, certificates are read again when their files change, those that end soon are warned of
 * each day, and ticket keys are replaced in time.
 */
export function keepTlsFresh(config: Config, pool: DeliveryPool, files: TlsFiles, log: Logger): () => void {
  files.watch((tls) => pool.replaceTls(tls), log);
  const rotation = setInterval(() => addon.rotateTicketKeys(), config.tls.ticketKeySeconds * 1000);
  rotation.unref();
  const warn = () => void files.warn(log);
  warn();
  const warning = setInterval(warn, warnEvery);
  warning.unref();
  return () => {
    clearInterval(warning);
    clearInterval(rotation);
    files.close();
  };
}
