// Checks of certificates and keys before they are used: whether they are valid, when they expire, and who
// can read the keys.

import { X509Certificate } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { type Config, ConfigError } from '../config/config.ts';
import { addon, type PrivateKey } from '../native/addon.ts';
import { readNamed, whyUnreadable } from '../regular_file.ts';

/** Throws ConfigError when a file cannot be used, or when a key does not belong to its certificate. */
export async function checkCertificates(tls: Config['tls']): Promise<void> {
  await checkPair('tls', tls);
  for (const [index, pair] of tls.certificates.entries()) await checkPair(`tls.certificates.${index}`, pair);
  if (tls.clients.ca !== '') await load('tls.clients.ca', tls.clients.ca, ...certificateIn);
}

/** Expiry of the first certificate in a PEM text, milliseconds since the epoch. */
export function endOf(pem: string | Buffer): number {
  return Date.parse(new X509Certificate(pem).validTo);
}

/**
 * What is wrong with the permissions of a key file; undefined when nothing is. The group may read a key
 * that belongs to root, since secrets are often mounted that way (0440 root:GROUP).
 */
export async function keyExposure(file: string): Promise<string | undefined> {
  const { mode, uid } = await stat(file);
  const allowed = uid === 0 ? 0o740 : 0o700;
  if ((mode & 0o777 & ~allowed) === 0) return undefined;
  return `${file}: others may read or change it (mode ${(mode & 0o777).toString(8)})`;
}

const certificateIn = ['a PEM certificate', (pem: Buffer) => new X509Certificate(pem)] as const;

async function checkPair(setting: string, pair: { certificate: string; key: string }): Promise<void> {
  const certificate = await load(`${setting}.certificate`, pair.certificate, ...certificateIn);
  const key = await loadKey(`${setting}.key`, pair.key);
  if (addon.isKeyOf(key, certificate.toString())) return;
  throw new ConfigError(
    `${setting}.key: ${pair.key}: expected the key of ${pair.certificate}, got the key of another one`,
  );
}

async function load<T>(
  setting: string,
  path: string,
  expected: string,
  parse: (pem: Buffer) => T,
): Promise<T> {
  const pem = await readNamed(path).catch((error) => {
    throw unreadable(setting, path, error);
  });
  try {
    return parse(pem);
  } catch {
    throw unexpected(setting, path, expected);
  }
}

/** The key in a PEM file. Throws ConfigError when there is none, or the file cannot be read. */
export async function loadKey(setting: string, path: string): Promise<PrivateKey> {
  const key = await addon.readPrivateKey(path).catch((error) => {
    throw unreadable(setting, path, error);
  });
  if (key === undefined) throw unexpected(setting, path, 'a PEM private key');
  return key;
}

function unreadable(setting: string, path: string, error: unknown): ConfigError {
  return new ConfigError(
    `${setting}: ${path}: cannot be read (${whyUnreadable(error)}); ` +
      `name a PEM file, or make one with 'sealgate init'`,
  );
}

function unexpected(setting: string, path: string, expected: string): ConfigError {
  return new ConfigError(`${setting}: ${path}: expected ${expected}, got something else`);
}
