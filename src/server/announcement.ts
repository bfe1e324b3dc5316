// server.json in a store: where the server that writes to it can be reached, for commands that run beside it.
// It counts while the store's lock is held: one that a killed server left means nothing.

import { rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import * as z from 'zod';
import { type Config, urlOf } from '../config/config.ts';
import { replaceFile } from '../durable_file.ts';
import { isFull } from '../full_disk.ts';
import type { BoundListener } from '../native/addon.ts';
import { readRegular } from '../regular_file.ts';

/** Largest server.json that is read, in bytes; far more than one has. */
const maxBytes = 1024 * 1024;

const schema = z.object({
  pid: z.int().positive(),
  /** Those that commands can talk to: without a PROXY header, and no unix sockets. */
  listeners: z.array(z.url({ protocol: /^https?$/ })),
  control: z.string().min(1),
  /** The site's certificate file. */
  certificate: z.string(),
  /** The path that objects are below: `/`, or that of the server's own mount of them (application.ts). */
  objects: z.string().default('/'),
  /** Those that it shares with other servers. */
  sharedBuckets: z.array(z.string()).default([]),
});

export type Announcement = z.infer<typeof schema>;

function fileOf(store: string): string {
  return join(store, 'server.json');
}

/** Whether commands beside the server, and its own test fetches, can talk to the listener. */
export function isForCommands({ proxyProtocol, path }: BoundListener): boolean {
  return !proxyProtocol && !path;
}

/** Writes server.json. A failure to write it is only logged. */
export async function announce(
  config: Config,
  at: { listeners: BoundListener[]; control: string; objects: string },
  log: Logger,
): Promise<void> {
  const file = fileOf(config.store);
  const announcement: Announcement = {
    pid: process.pid,
    listeners: at.listeners.filter(isForCommands).map(urlOf),
    control: at.control,
    certificate: config.tls.certificate,
    objects: at.objects,
    sharedBuckets: Object.keys(config.sharedBuckets),
  };
  try {
    await place(file, `${JSON.stringify(announcement, null, 2)}\n`);
  } catch (error) {
    log.warn({ err: error }, 'commands beside this server will not find it by themselves');
  }
}

/** Removes server.json. */
export async function withdraw(config: Config): Promise<void> {
  await rm(fileOf(config.store), { force: true }).catch(() => {});
}

// On a disk without a block for a new file, the file that a killed server left is overwritten.
async function place(file: string, text: string): Promise<void> {
  try {
    await replaceFile(file, text);
  } catch (error) {
    if (!isFull((error as NodeJS.ErrnoException).code)) throw error;
    await writeFile(file, text, { flag: 'r+' });
    await truncate(file, Buffer.byteLength(text));
  }
}

/** The announcement of the server that has the store's lock; undefined: there is none that can be read. */
export async function readAnnouncement(store: string): Promise<Announcement | undefined> {
  try {
    return schema.parse(JSON.parse(await readRegular(fileOf(store), maxBytes)));
  } catch {
    return undefined;
  }
}

/**
 * Where commands beside the server reach it. Throws when there is nothing. TLS is preferred even on loopback,
 * because a token in plain text can be captured there too.
 */
export function nearUrl(listeners: readonly string[]): URL {
  const [first] = [...listeners].sort(
    (a, b) => Number(b.startsWith('https')) - Number(a.startsWith('https')),
  );
  if (first === undefined)
    throw new Error(
      'the server has no listener with a port and without proxyProtocol, so commands beside it cannot ' +
        'reach it; give it one, such as http://127.0.0.1:8081, or name what leads to it with --server',
    );
  const url = new URL(first);
  if (url.hostname === '0.0.0.0') url.hostname = '127.0.0.1';
  if (url.hostname === '[::]') url.hostname = '[::1]';
  return url;
}
