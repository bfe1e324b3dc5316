// The certificate that `init` makes for development: self-signed, ECDSA P-256, valid for a year. An existing
// key or certificate is never overwritten.

import { execFile } from 'node:child_process';
import { rename, rm, stat, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

const request = ['req', '-x509', '-subj', '/CN=localhost/O=Sealgate development', '-days', '365'];
const names = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1'];
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

interface Pair {
  certificate: string;
  key: string;
}

/**
 * Rejects when one file of the pair is there without the other: it may be half of a pair that people trust,
 * and is not for us to complete. What a run that was killed has made of both is completed.
 */
export async function checkPair({ certificate, key }: Pair): Promise<void> {
  const [hasCertificate, hasKey] = [await exists(certificate), await exists(key)];
  if (hasCertificate === hasKey || (hasKey && (await exists(unplaced(certificate))))) return;
  const [there, missing, other] = hasKey
    ? [key, certificate, 'its certificate']
    : [certificate, key, 'its key'];
  throw new Error(
    `${missing}: is missing, and ${there} is there; put ${other} there, or move ${there} away to have ` +
      'a new pair made, or use --no-certificate',
  );
}

/** @param kept receives the paths of files that existed before. */
export async function makeCertificate({ certificate, key }: Pair, kept: string[]): Promise<void> {
  await checkPair({ certificate, key });
  if (await exists(key)) {
    if (await exists(certificate)) kept.push(certificate);
    else await rename(unplaced(certificate), certificate);
    kept.push(key);
    return;
  }
  const made = { certificate: unplaced(certificate), key: unplaced(key) };
  try {
    // Created first, because OpenSSL keeps the mode of an existing file.
    await writeFile(made.key, '', { mode: 0o600 });
    await openssl([...request, ...names, ...newKey, '-keyout', made.key, '-out', made.certificate]);
  } catch (cause) {
    for (const file of Object.values(made)) await rm(file, { force: true });
    throw cause;
  }
  // Both are whole now: whoever finds the key placed alone can place the certificate.
  await rename(made.key, key);
  await rename(made.certificate, certificate);
}

/** Where a file is until it is whole. */
function unplaced(path: string): string {
  return `${path}.new`;
}

/** False for an empty file, which an interrupted run leaves behind. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory() || found.size > 0,
    () => false,
  );
}

async function openssl(args: string[]): Promise<void> {
  await run('openssl', args).catch((cause) => {
    const { code, stderr = '' } = cause as { code?: unknown; stderr?: string };
    const advice = 'install the package openssl, or use --no-certificate and put your own files into tls/';
    if (code === 'ENOENT') throw new Error(`openssl is not installed; ${advice}`, { cause });
    throw new Error(`openssl req: ${stderr.trim().split('\n')[0] ?? ''}`, { cause });
  });
}
