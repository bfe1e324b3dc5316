// TlsFiles: certificates, keys and OCSP responses on disk, as the engine wants them, read again when they
// change. Open connections keep what they began with. Files that do not fit together leave the old ones in
// use.

import { stat } from 'node:fs/promises';
import type { Logger } from 'pino';
import { type Config, ConfigError } from '../config/config.ts';
import { addon, type CertificateOptions, type TlsOptions } from '../native/addon.ts';
import { readNamed, whyUnreadable } from '../regular_file.ts';
import { checkCertificates, endOf, keyExposure, loadKey } from './certificate.ts';

/** Milliseconds between two looks at the files. inotify(7) would miss swapped links and some mounts. */
const lookEvery = 2_000;
/** Milliseconds before the end of a certificate from which on it is warned of; renewals come earlier. */
const endsSoon = 14 * 86_400_000;

type Pair = Pick<Config['tls'], 'certificate' | 'key' | 'ocsp'>;

/** What files of certificates hold. */
interface FoundTls {
  tls: Config['tls'];
  options: TlsOptions;
  /** The ends of the certificates, by file, in milliseconds since the epoch. */
  ends: ReadonlyMap<string, number>;
  /** The state of the files, which differs when one changes. */
  seen: string;
}

export class TlsFiles {
  #tls: Config['tls'];
  readonly #keylogFile: string;
  #inUse: FoundTls | undefined;
  #seen = '';
  #timer: NodeJS.Timeout | undefined;

  /** @param keylogFile where all traffic secrets are written; empty: nowhere. */
  constructor(tls: Config['tls'], keylogFile: string) {
    this.#tls = tls;
    this.#keylogFile = keylogFile;
  }

  /** Rejects with the file that cannot be read or used. */
  async read(): Promise<TlsOptions> {
    this.#seen = await stateOf(this.#tls);
    const found = await this.look(this.#tls);
    this.use(found);
    return found.options;
  }

  /** What `use` was called with last; undefined: nothing was read yet. */
  get inUse(): FoundTls | undefined {
    return this.#inUse;
  }

  /** The files of these settings are in use from now on, and followed. */
  use(found: FoundTls): void {
    this.#inUse = found;
    this.#tls = found.tls;
    this.#seen = found.seen;
  }

  /** What the files of these settings hold. Rejects as `read` does. */
  async look(tls: Config['tls']): Promise<FoundTls> {
    const seen = await stateOf(tls);
    // The engine and the parsers tell what is wrong without the file's name.
    await checkCertificates(tls);
    const { minVersion, ciphers, cipherSuites, groups, clients, tickets } = tls;
    const policy = { minVersion, ciphers, cipherSuites, groups, tickets, keylogFile: this.#keylogFile };
    const certificates = await Promise.all(pairsOf(tls).map(readPair));
    const ends = new Map(certificates.map(({ name, certificate }) => [name, endOf(certificate)]));
    const ca = await pem('tls.clients.ca', clients.ca);
    const options = { ...policy, certificates, clients: { verify: clients.verify, ca } };
    const fault = addon.faultOfTls(options);
    if (fault !== undefined) throw new ConfigError(withGiven(fault, tls));
    return { tls, options, ends, seen };
  }

  /** The ends of the certificates in use, by file, in milliseconds since the epoch. */
  ends(): ReadonlyMap<string, number> {
    return this.#inUse?.ends ?? new Map();
  }

  /** Warns of certificates that end soon or have ended, and of keys that others may read. */
  async warn(log: Logger): Promise<void> {
    for (const [certificate, ends] of this.ends()) {
      const left = ends - Date.now();
      if (left >= endsSoon) continue;
      const days = Math.max(0, Math.floor(left / 86_400_000));
      log.warn(
        { certificate, notAfter: new Date(ends).toISOString(), days },
        left < 0 ? 'a certificate has expired: clients refuse it' : 'a certificate expires soon',
      );
    }
    for (const { key } of pairsOf(this.#tls)) {
      const found = await keyExposure(key).catch(() => undefined);
      if (found !== undefined) log.warn({ key }, `${found}; whoever has the key can be this server`);
    }
  }

  /** Calls `use` with what the files hold now. Rejects with what it throws, or with what cannot be read. */
  async renew(use: (options: TlsOptions) => void, log: Logger): Promise<void> {
    use(await this.read());
    await this.warn(log);
  }

  /** Calls `use` with what the files hold whenever they have changed; what it throws is logged. */
  watch(use: (options: TlsOptions) => void, log: Logger): void {
    const look = async () => {
      if ((await stateOf(this.#tls)) === this.#seen) return;
      try {
        await this.renew(use, log);
        log.info('certificates replaced: their files had changed');
      } catch (error) {
        log.error({ err: error }, 'certificates kept: the files that changed cannot be used');
      }
    };
    this.#timer = setInterval(look, lookEvery);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

function pairsOf(tls: Config['tls']): Pair[] {
  return [tls, ...tls.certificates];
}

// OpenSSL does not say which of the names in a list it refuses, so the whole list is shown.
function withGiven(fault: string, tls: Config['tls']): string {
  return fault.replace(/^tls\.(ciphers|cipherSuites|groups): (.*)$/, (_, name: keyof Config['tls'], why) => {
    return `tls.${name}: OpenSSL refuses ${JSON.stringify(tls[name])} (${why})`;
  });
}

/** Changes whenever one of the files does. */
async function stateOf(tls: Config['tls']): Promise<string> {
  const files = pairsOf(tls).flatMap(({ certificate, key, ocsp }) => [certificate, key, ocsp]);
  const states = [...files, tls.clients.ca].filter(Boolean).map(async (file) => {
    const found = await stat(file).catch(() => undefined);
    return found ? `${found.ino} ${found.mtimeMs} ${found.size}` : '';
  });
  return (await Promise.all(states)).join(',');
}

async function readPair({ certificate, key, ocsp }: Pair): Promise<CertificateOptions> {
  return {
    name: certificate,
    certificate: await pem('tls.certificate', certificate),
    key: await loadKey('tls.key', key),
    ocsp: ocsp === '' ? new Uint8Array() : await readNamed(ocsp),
  };
}

async function pem(setting: string, path: string): Promise<string> {
  if (path === '') return '';
  try {
    return (await readNamed(path)).toString();
  } catch (cause) {
    throw new Error(
      `${setting}: ${path} cannot be read (${whyUnreadable(cause)}); ` +
        `name a PEM file, or make one with 'sealgate init'`,
    );
  }
}
