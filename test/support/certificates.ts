// Certificates for tests, made by openssl(1): authorities, leaves of either key kind, OCSP responses.

import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const openssl = (...args: string[]) => run('openssl', args);

export type KeyKind = 'ec' | 'rsa';
const newKey: Record<KeyKind, string[]> = {
  ec: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  rsa: ['-newkey', 'rsa:2048'],
};

export interface Pair {
  certificate: string;
  key: string;
}

/** A self-signed authority in `dir`. */
export async function makeAuthority(dir: string, name: string): Promise<Pair> {
  const pair = files(dir, name);
  const subject = ['-subj', `/CN=${name}`, '-days', '30', '-addext', 'basicConstraints=critical,CA:TRUE'];
  await openssl(
    'req',
    '-x509',
    '-nodes',
    ...newKey.ec,
    ...subject,
    '-keyout',
    pair.key,
    '-out',
    pair.certificate,
  );
  return pair;
}

/** A certificate by `issuer`; `names` are its alternative names, as `*.example.test`. */
export async function makeLeaf(
  dir: string,
  issuer: Pair,
  {
    subject,
    names = [],
    kind = 'ec',
    days = 30,
  }: { subject: string; names?: string[]; kind?: KeyKind; days?: number },
): Promise<Pair> {
  const pair = files(dir, subject.replaceAll(/\W+/g, '-') + kind);
  const request = `${pair.key}.csr`;
  const extensions = `${pair.key}.ext`;
  const alternatives = names.map((name) => `DNS:${name}`).join(',');
  await writeFile(extensions, names.length > 0 ? `subjectAltName=${alternatives}\n` : '');
  await openssl(
    'req',
    '-new',
    '-nodes',
    ...newKey[kind],
    '-subj',
    subject,
    '-keyout',
    pair.key,
    '-out',
    request,
  );
  const by = ['-CA', issuer.certificate, '-CAkey', issuer.key, '-CAcreateserial', '-days', `${days}`];
  await openssl('x509', '-req', '-in', request, ...by, '-extfile', extensions, '-out', pair.certificate);
  return pair;
}

/** A DER file with a good OCSP response for `leaf`, signed by its issuer. */
export async function makeOcspResponse(dir: string, issuer: Pair, leaf: Pair): Promise<string> {
  const { stdout } = await openssl('x509', '-in', leaf.certificate, '-noout', '-serial', '-enddate');
  const serial = /serial=(\w+)/.exec(stdout)?.[1] ?? '';
  const index = join(dir, 'index.txt');
  await writeFile(index, `V\t491231235959Z\t\t${serial}\tunknown\t/CN=leaf\n`);
  const [request, response] = [join(dir, 'ocsp.req'), join(dir, 'ocsp.der')];
  await openssl('ocsp', '-issuer', issuer.certificate, '-cert', leaf.certificate, '-reqout', request);
  const signer = ['-CA', issuer.certificate, '-rsigner', issuer.certificate, '-rkey', issuer.key];
  await openssl('ocsp', '-index', index, ...signer, '-reqin', request, '-respout', response, '-ndays', '7');
  return response;
}

/** Puts `from` into the place of `to`, contents only. */
export async function replacePair(to: Pair, from: Pair): Promise<void> {
  await writeFile(to.certificate, await readFile(from.certificate));
  await writeFile(to.key, await readFile(from.key));
}

function files(dir: string, name: string): Pair {
  return { certificate: join(dir, `${name}.pem`), key: join(dir, `${name}.key.pem`) };
}
