// The store's file system: its free space, and how it can keep a sealed file from changing.

import { existsSync } from 'node:fs';
import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { addon, type SealMeans } from '../native/addon.ts';
import type { Finding } from './finding.ts';

const area = 'store';
const lowShare = 0.05;
const risky = new Set(['nfs', 'cifs', 'fuse', '9p', 'ceph', 'overlay', 'hostfs']);

/** @param root the store's folder, which may not exist yet. */
export async function storeFindings(root: string): Promise<Finding[]> {
  const folder = nearest(root);
  const findings: Finding[] = [];
  if (folder !== root) findings.push({ area, severity: 'info', found: `${root} is not there yet` });
  const space = await statfs(folder);
  const [free, all] = [space.bavail * space.bsize, space.blocks * space.bsize];
  const found = `${gib(free)} of ${gib(all)} GiB free`;
  if (free < all * lowShare) {
    findings.push({
      area,
      severity: 'warn',
      found,
      meaning: 'Uploads are refused with 507 when it is full; reading goes on.',
    });
  } else findings.push({ area, severity: 'ok', found });
  return [...findings, ...(await sealFindings(folder))];
}

async function sealFindings(folder: string): Promise<Finding[]> {
  let scratch: string;
  try {
    scratch = await mkdtemp(join(folder, '.doctor-'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const severity = code === 'EROFS' ? 'ok' : 'fail';
    return [{ area, severity, found: `nothing can be written to ${folder} (${code})` }];
  }
  try {
    return findingsOf(addon.sealMeans(scratch));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function findingsOf({ fileSystem, readOnly, immutable, lease, verity }: SealMeans): Finding[] {
  const can = (failure: string) => (failure === '' ? 'yes' : `no (${failure})`);
  const where = readOnly ? `${fileSystem}, mounted read-only` : fileSystem;
  const tried = `immutable attribute ${can(immutable)}, read lease ${can(lease)}, fs-verity ${can(verity)}`;
  const means = `${where}: ${tried}`;
  if (risky.has(fileSystem)) {
    return [
      {
        area,
        severity: 'warn',
        found: means,
        meaning:
          'Whoever else has this file system can change bytes without this kernel knowing. A seal rests ' +
          'on inode, times and mode as this kernel sees them.',
        remedy: 'keep the store on a local file system: ext4, xfs or btrfs',
      },
    ];
  }
  return [
    {
      area,
      severity: 'ok',
      found: means,
      meaning: 'Seals are of level L1: proved at ingest, and compared before and after each delivery.',
    },
  ];
}

function nearest(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearest(dirname(path));
}

const gib = (bytes: number) => (bytes / 2 ** 30).toFixed(1);
