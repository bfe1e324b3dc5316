// One publish of a suite at a time: it claims the suite by a name that only one can create, and gives it back
// at its end. Whoever comes meanwhile is refused, so that the indexes of two never mix.

import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { RemoteServer } from './remote_server.ts';

/** Milliseconds after which a claim is that of a command which was killed. */
const longest = 3_600_000;
/** Bytes; what is longer is no claim. */
const mostBytes = 1000;

/** @param at the name of the claim. @param folder for a file. Rejects while another one has claimed it. */
export async function claiming<T>(
  server: RemoteServer,
  at: { bucket: string; name: string },
  folder: string,
  work: () => Promise<T>,
): Promise<T> {
  const path = join(folder, 'claim');
  const claim = `${new Date().toISOString()} ${randomUUID()}\n`;
  await writeFile(path, claim);
  if (!(await server.create(at, { path, size: claim.length }))) {
    const since = await claimedSince(server, at);
    const isAbandoned = since !== undefined && Date.now() - since > longest;
    if (isAbandoned) await server.remove(at.bucket, at.name);
    if (!isAbandoned || !(await server.create(at, { path, size: claim.length }))) throw busy(at, since);
  }
  try {
    return await work();
  } finally {
    await server.remove(at.bucket, at.name);
  }
}

/** Milliseconds since the epoch; undefined: it tells none. */
async function claimedSince(
  server: RemoteServer,
  at: { bucket: string; name: string },
): Promise<number | undefined> {
  // It may have been given back meanwhile.
  const found = await server.find(at);
  if (!found || found.size > mostBytes) return undefined;
  const { bytes } = await server.read(at);
  const since = Date.parse((await text(Readable.from(bytes))).split(' ')[0] ?? '');
  return Number.isNaN(since) ? undefined : since;
}

function busy({ bucket, name }: { bucket: string; name: string }, since: number | undefined): Error {
  const when = since === undefined ? '' : ` since ${new Date(since).toISOString()}`;
  return new Error(
    `this suite is being published by another command${when}; when that was killed, its claim ` +
      `${bucket}/${name} goes after an hour, or by 'sealgate rm'`,
  );
}
