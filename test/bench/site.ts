// Site: what each server of the benchmark gets: a folder of files, a certificate and a core.

import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { availableParallelism } from 'node:os';

export const KiB = 1024;
export const MiB = 1024 * KiB;
export const GiB = 1024 * MiB;

export const serverCore = 0;
/** The server's core if there is only one; server and client then alternate. */
export const clientCore = availableParallelism() > 1 ? 1 : 0;
/** The only cipher suite of all servers and clients. */
export const cipherSuite = 'TLS_AES_128_GCM_SHA256';

/** Paths are absolute. */
export interface Site {
  /** Scratch folder, removed at the end of the run. */
  work: string;
  /** The folder that is served, with its subfolders. */
  files: string;
  certificate: string;
  key: string;
  /** Whether connections use kernel TLS, if the server can. */
  ktls: boolean;
}

/** Creates an empty folder for files, and a certificate. `work` must exist. */
export function makeSite(work: string, ktls = false): Site {
  const site = {
    work,
    files: `${work}/files`,
    certificate: `${work}/certificate.pem`,
    key: `${work}/key.pem`,
    ktls,
  };
  mkdirSync(site.files);
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', site.key];
  execFileSync('openssl', ['req', '-x509', ...key, '-out', site.certificate, ...subject], { stdio: 'pipe' });
  return site;
}

/** Random content that repeats every MiB. An existing file is kept. */
export function makeFile(path: string, size: number): void {
  if (existsSync(path)) return;
  const block = randomBytes(Math.min(size, MiB));
  const file = openSync(path, 'w');
  for (let left = size; left > 0; left -= block.length)
    writeSync(file, block, 0, Math.min(left, block.length));
  closeSync(file);
}

/** Files `0.bin` to `count - 1`, all different. */
export function makeFiles(folder: string, count: number, size: number): void {
  mkdirSync(folder, { recursive: true });
  const content = randomBytes(size);
  for (let number = 0; number < count; number += 1) {
    content.writeUInt32LE(number);
    const file = openSync(`${folder}/${number}.bin`, 'w');
    writeSync(file, content);
    closeSync(file);
  }
}
