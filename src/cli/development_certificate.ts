// The certificate that `init` makes for development: self-signed, ECDSA P-256, valid for a year. An existing
// key or certificate is never overwritten.

import { execFile } from 'node:child_process';
import { rename, rm, stat, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

const request = ['req', '-x509', '-subj', '/CN=localhost/O=Sealgate development', '-days', '365'];
const names = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1'];
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** @param kept receives the paths of files that existed before. */
export async function makeCertificate(
  { certificate, key }: { certificate: string; key: string },
  kept: string[],
): Promise<void> {
  const [hasCertificate, hasKey] = [await exists(certificate), await exists(key)];
  if (hasKey) kept.push(key);
  if (hasCertificate) kept.push(certificate);
  if (hasCertificate && hasKey) return;
  if (hasCertificate)
    throw new Error(`${certificate}: is there without its key ${key}; move it away, or use --no-certificate`);
  const made = { certificate: `${certificate}.new`, key: `${key}.new` };
  try {
    if (hasKey) {
      await openssl([...request, ...names, '-key', key, '-out', made.certificate], key);
    } else {
      // Created first, because OpenSSL keeps the mode of an existing file.
      await writeFile(made.key, '', { mode: 0o600 });
      await openssl([...request, ...names, ...newKey, '-keyout', made.key, '-out', made.certificate]);
      await rename(made.key, key);
    }
    // The key is placed first: if the next step fails, a new certificate can still be made for it.
    await rename(made.certificate, certificate);
  } finally {
    for (const file of Object.values(made)) await rm(file, { force: true });
  }
}

/** False for an empty file, which an interrupted run leaves behind. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory() || found.size > 0,
    () => false,
  );
}

async function openssl(args: string[], given?: string): Promise<void> {
  await run('openssl', args).catch((cause) => {
    const { code, stderr = '' } = cause as { code?: unknown; stderr?: string };
    const advice = 'install the package openssl, or use --no-certificate and put your own files into tls/';
    if (code === 'ENOENT') throw new Error(`openssl is not installed; ${advice}`, { cause });
    const said = stderr.trim().split('\n')[0] ?? '';
    if (given === undefined) throw new Error(`openssl req: ${said}`, { cause });
    throw new Error(`${given}: is there, and openssl makes no certificate for it (${said}); move it away`, {
      cause,
    });
  });
}
