// What keeps TLS fresh while the server runs.

import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import type { DeliveryPool } from '../delivery/pool.ts';
import type { TlsFiles } from '../delivery/tls_files.ts';
import { addon } from '../native/addon.ts';

/**
 * Until it is called, certificates are read again when their files change, and ticket keys replaced in time.
 */
export function keepTlsFresh(config: Config, pool: DeliveryPool, files: TlsFiles, log: Logger): () => void {
  files.watch((tls) => pool.replaceTls(tls), log);
  const rotation = setInterval(() => addon.rotateTicketKeys(), config.tls.ticketKeySeconds * 1000);
  rotation.unref();
  return () => {
    clearInterval(rotation);
    files.close();
  };
}
