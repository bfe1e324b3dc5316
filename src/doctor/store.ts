// The store's file system: its free space, and how it can keep a sealed file from changing.

import { existsSync } from 'node:fs';
import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Config } from '../config/config.ts';
import { addon, type SealLevel, type SealMeans } from '../native/addon.ts';
import type { Finding } from './finding.ts';

const area = 'store';
const lowShare = 0.05;
const risky = new Set(['nfs', 'cifs', 'fuse', '9p', 'ceph', 'overlay', 'hostfs']);

/** @param root the store's folder, which may not exist yet. @param config what it asks of seals. */
export async function storeFindings(root: string, config: Pick<Config, 'seal'>): Promise<Finding[]> {
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
  return [...findings, ...(await sealFindings(folder, config))];
}

async function sealFindings(folder: string, config: Pick<Config, 'seal'>): Promise<Finding[]> {
  let scratch: string;
  try {
    scratch = await mkdtemp(join(folder, '.doctor-'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const severity = code === 'EROFS' ? 'ok' : 'fail';
    return [{ area, severity, found: `nothing can be written to ${folder} (${code})` }];
  }
  try {
    const means = addon.sealMeans(scratch);
    return [...findingsOf(means), ...levelFindings(means, config)];
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function findingsOf(found: SealMeans): Finding[] {
  const { fileSystem, readOnly, immutable, lease, verity } = found;
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
      meaning: `Blobs can be sealed at levels up to ${possible(found)}.`,
    },
  ];
}

function possible({ readOnly, immutable, lease, verity }: SealMeans): SealLevel {
  if (readOnly) return 'L2';
  if (lease !== '') return 'L1';
  if (verity === '') return 'L3';
  return immutable === '' ? 'L2' : 'L1';
}

/** What the configuration asks for and the host does not do. */
function levelFindings(means: SealMeans, { seal }: Pick<Config, 'seal'>): Finding[] {
  const can = possible(means);
  const own = Object.values(seal.buckets);
  const highest = (levels: (SealLevel | undefined)[]) => levels.reduce<SealLevel>(higher, 'L1');
  const wanted = highest([seal.level, ...own.map(({ level }) => level)]);
  const required = highest([seal.require, ...own.map(({ require }) => require)]);
  const refuses = [seal.below, ...own.map(({ below }) => below)].includes('refuse');
  const findings: Finding[] = [];
  if (wanted > can)
    findings.push({
      area,
      severity: 'warn',
      found: `seal level ${wanted} is asked for, and blobs would get ${can}`,
      meaning: 'A blob below the level asked for is served as one of its own level.',
      remedy: remedyFor(wanted, means),
    });
  if (required > can)
    findings.push({
      area,
      severity: refuses ? 'fail' : 'warn',
      found: `seal level ${required} is required, and blobs would get ${can}`,
      meaning: refuses
        ? 'Requests for them are answered with 503.'
        : 'Their bytes are copied, not sent by sendfile.',
      remedy: remedyFor(required, means),
    });
  return findings;
}

const higher = (one: SealLevel, other: SealLevel = 'L1'): SealLevel => (other > one ? other : one);

function remedyFor(level: SealLevel, { fileSystem, immutable, lease, verity }: SealMeans): string {
  if (lease !== '') return `a level above L1 takes read leases, which ${fileSystem} refuses (${lease})`;
  if (level === 'L3') {
    return fileSystem === 'ext4'
      ? `fs-verity fails (${verity}): it takes a kernel with CONFIG_FS_VERITY, and 'tune2fs -O verity DEVICE'`
      : `fs-verity fails (${verity}): it takes a kernel with CONFIG_FS_VERITY, and ext4 or btrfs`;
  }
  return (
    `the immutable attribute fails (${immutable}): it takes CAP_LINUX_IMMUTABLE, in systemd ` +
    'AmbientCapabilities=CAP_LINUX_IMMUTABLE, in containers --cap-add LINUX_IMMUTABLE'
  );
}

function nearest(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearest(dirname(path));
}

const gib = (bytes: number) => (bytes / 2 ** 30).toFixed(1);
