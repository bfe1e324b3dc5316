// Damage behind a file system's back, on the disk that test/kernel/on-file-system.sh made.

import { execFileSync } from 'node:child_process';
import { open, readFile, writeFile } from 'node:fs/promises';

export const blockSize = 4096;

/**
 * Changes one byte on the disk and drops the page cache.
 * @param block the contents of the block that it is in, which no other block has.
 */
export async function damageBlock(block: Buffer): Promise<void> {
  const disk = process.env.SEALGATE_TEST_DISK;
  if (disk === undefined) throw new Error('SEALGATE_TEST_DISK is not set');
  execFileSync('sync');
  const where = (await readFile(disk)).indexOf(block);
  if (where < 0 || where % blockSize !== 0) throw new Error(`the block is not on the disk: ${where}`);
  const file = await open(disk, 'r+');
  await file.write(Buffer.from([(block[0] ?? 0) ^ 1]), 0, 1, where);
  await file.close();
  await writeFile('/proc/sys/vm/drop_caches', '3');
}
