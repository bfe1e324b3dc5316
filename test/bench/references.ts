// References: the cost of the core operation alone (cipher, hash, write), as rows beside the servers'.

import { rmSync } from 'node:fs';
import { makePagesFree } from './evict.ts';
import { runPinned } from './processes.ts';
import { type Row, rowOfValues } from './results.ts';
import { GiB, serverCore } from './site.ts';

const rounds = 3;
const secondsEach = 1;

/** The cipher of all scenarios, with blocks of a whole record. */
export async function aesReference(scenario: string): Promise<Row> {
  const values = await opensslSpeed(['-bytes', '16384', '-evp', 'aes-128-gcm']);
  return rowOfValues(scenario, 'openssl speed aes-128-gcm', 's/GiB', values);
}

/** SHA-256 of 1 GiB, and writing it to a file beside `path`. */
export async function digestAndWriteReference(scenario: string, path: string): Promise<Row> {
  const digests = await opensslSpeed(['-bytes', '16384', '-evp', 'sha256']);
  const values: number[] = [];
  for (const digest of digests) values.push(digest + (await secondsToWrite(path)));
  return rowOfValues(scenario, 'sha256 and write', 's/GiB', values);
}

/** Seconds of CPU per GiB, one value per round. */
async function opensslSpeed(options: string[]): Promise<number[]> {
  const seconds: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const command = ['openssl', 'speed', '-mr', '-seconds', `${secondsEach}`, ...options];
    const output = await runPinned(serverCore, command);
    // +F:number:name:bytes per second
    const rate = Number(/^\+F:[^:]*:[^:]*:([\d.]+)/m.exec(output)?.[1]);
    if (!(rate > 0)) throw new Error(`openssl speed: no rate in its output:\n${output}`);
    seconds.push(GiB / rate);
  }
  return seconds;
}

/** Seconds of CPU including fsync. */
async function secondsToWrite(path: string): Promise<number> {
  await makePagesFree(path);
  const write = `dd if=/dev/zero of=${path} bs=256K count=4096 conv=fsync status=none`;
  const output = await runPinned(serverCore, ['bash', '-c', `TIMEFORMAT='%U %S'; { time ${write}; } 2>&1`]);
  rmSync(path);
  return output
    .trim()
    .split(' ')
    .reduce((sum, each) => sum + Number(each), 0);
}
