// The certificate and its key, looked at before anything is started with them.

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type Config, ConfigError } from './config.ts';

/** Throws ConfigError when a file cannot be used, or when the key is another certificate's. */
export async function checkCertificate({ certificate, key }: Config['tls']): Promise<void> {
  const leaf = await load(
    'tls.certificate',
    certificate,
    'a PEM certificate',
    (pem) => new X509Certificate(pem),
  );
  const secret = await load('tls.key', key, 'a PEM private key', (pem) => createPrivateKey(pem));
  if (!leaf.checkPrivateKey(secret)) {
    throw new ConfigError(`tls.key: ${key}: expected the key of ${certificate}, got the key of another one`);
  }
}

async function load<T>(
  setting: string,
  path: string,
  expected: string,
  parse: (pem: Buffer) => T,
): Promise<T> {
  const pem = await readFile(path).catch(({ code }: NodeJS.ErrnoException) => {
    throw new ConfigError(
      `${setting}: ${path}: cannot be read (${code}); name a PEM file, or make one with 'sealgate init'`,
    );
  });
  try {
    return parse(pem);
  } catch {
    throw new ConfigError(`${setting}: ${path}: expected ${expected}, got something else`);
  }
}
