// The configured certificates: whether they are valid, who can read their keys, and when they expire.

import { X509Certificate } from 'node:crypto';
import type { Config } from '../config/config.ts';
import { checkCertificates, keyExposure } from '../engine/certificate.ts';
import { readNamed } from '../regular_file.ts';
import type { Finding } from './finding.ts';

const area = 'certificates';
const soon = 30 * 86_400_000;

export async function certificateFindings(tls: Config['tls']): Promise<Finding[]> {
  try {
    await checkCertificates(tls);
  } catch (error) {
    return [{ area, severity: 'fail', found: (error as Error).message }];
  }
  const pairs = [tls, ...tls.certificates];
  return (await Promise.all(pairs.map(({ certificate, key }) => findingsOf(certificate, key)))).flat();
}

async function findingsOf(file: string, key: string): Promise<Finding[]> {
  const certificate = new X509Certificate(await readNamed(file));
  const ends = Date.parse(certificate.validTo);
  const days = Math.floor((ends - Date.now()) / 86_400_000);
  const names = certificate.subjectAltName ?? certificate.subject;
  const found = `${file}: ${names}, ${days < 0 ? 'expired' : `${days} days left`}`;
  const remedy = 'put a new one in its place; a running server takes it up by itself';
  const findings: Finding[] = [{ area, severity: 'ok', found }];
  if (ends < Date.now()) findings[0] = { area, severity: 'fail', found, remedy };
  else if (ends - Date.now() < soon) findings[0] = { area, severity: 'warn', found, remedy };
  const exposed = await keyExposure(key);
  if (exposed !== undefined) {
    findings.push({
      area,
      severity: 'warn',
      found: exposed,
      meaning: 'Whoever has the key can be this server.',
      remedy: `run 'chmod 600 ${key}'`,
    });
  }
  return findings;
}
