// Where a command works: on the store itself, through the server that has the store open, or through the
// server that --server names.

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { type Announcement, readAnnouncement } from '../server/announcement.ts';
import { StoreHeld } from '../store/layout.ts';
import type { Store } from '../store/store.ts';
import { RemoteServer } from './remote_server.ts';
import { UsageError } from './say.ts';
import { type SiteOptions, siteConfig, withSite, withStore } from './site.ts';

export interface PlaceOptions extends SiteOptions {
  server?: string;
  tokenFile?: string;
  cacert?: string;
}

/** Adds the options of commands that work on objects. */
export function withPlace(command: Command): Command {
  return withSite(command)
    .option('--server <url>', 'URL of a server to work through, instead of the store; $SEALGATE_SERVER')
    .option('--token-file <file>', 'file with a bearer token for the server; $SEALGATE_TOKEN')
    .option('--cacert <file>', 'PEM file with the CA of the server’s certificate');
}

export interface Works<T> {
  onStore(store: Store, config: Config): Promise<T> | T;
  onServer(server: RemoteServer): Promise<T> | T;
}

/** Reads the store itself, even while a server has it open, or through the server that is named. */
export async function reading<T>(options: PlaceOptions, works: Works<T>): Promise<T> {
  const named = await namedServer(options);
  if (named) return throughServer(named, works);
  return withStore({ ...options, readOnly: true }, works.onStore);
}

/**
 * Changes the store itself, or through the server that has it open, or through the server that is named.
 * @param buckets whose names are changed.
 */
export async function writing<T>(
  options: PlaceOptions,
  buckets: readonly string[],
  works: Works<T>,
): Promise<T> {
  const named = await namedServer(options);
  if (named) return throughServer(named, works);
  const onStore: Works<T>['onStore'] = (store, config) => {
    for (const bucket of buckets) checkOwn(bucket, config);
    return works.onStore(store, config);
  };
  try {
    return await withStore({ ...options, readOnly: false }, onStore);
  } catch (error) {
    if (!(error instanceof StoreHeld)) throw error;
    const { announcement } = await serverOf(options, error);
    const { tokenFile, cacert } = options;
    return throughServer(await RemoteServer.beside(announcement, { tokenFile, cacert }), works);
  }
}

// The store that servers share a bucket over would not hear of the change, which is undone by the next read.
function checkOwn(bucket: string, { sharedBuckets }: Config): void {
  if (!Object.hasOwn(sharedBuckets, bucket)) return;
  throw new Error(
    `${bucket}: several servers share this bucket ("sharedBuckets"), and it is changed through one of ` +
      "them: start the server, or name one with '--server'",
  );
}

/**
 * Works on the store itself, or through the control plane: that which --control names, or that of the server
 * which has the store open.
 */
export async function onStoreOrByControl<O extends SiteOptions & { control?: string }, T>(
  options: O,
  works: { readOnly?: boolean; onStore: Works<T>['onStore']; byControl(options: O): Promise<T> },
): Promise<T> {
  refuseBoth('--control', options.control, options);
  if (options.control !== undefined) return works.byControl(options);
  try {
    return await withStore({ ...options, readOnly: works.readOnly ?? false }, works.onStore);
  } catch (error) {
    if (!(error instanceof StoreHeld)) throw error;
    const { announcement } = await serverOf(options, error);
    return works.byControl({ ...options, control: announcement.control });
  }
}

/** The server that has the site's store open. Throws when that server has not announced its address. */
export async function serverOf(
  options: SiteOptions,
  held: StoreHeld,
): Promise<{ announcement: Announcement; config: Config }> {
  const config = await siteConfig(options);
  const announcement = await readAnnouncement(config.store);
  if (!announcement) throw held;
  return { announcement, config };
}

async function throughServer<T>(server: RemoteServer, works: Works<T>): Promise<T> {
  try {
    return await works.onServer(server);
  } finally {
    server.close();
  }
}

/** A store that is named beside a server would be ignored, and another one be changed. */
function refuseBoth(flag: string, server: string | undefined, { store }: SiteOptions): void {
  if (server === undefined || store === undefined) return;
  throw new UsageError(`${flag} and --store: give one, the server to work through or the store to work on`);
}

async function namedServer(options: PlaceOptions): Promise<RemoteServer | undefined> {
  refuseBoth('--server', options.server, options);
  const url = options.server ?? process.env.SEALGATE_SERVER;
  if (url === undefined || url === '') return undefined;
  const { tokenFile, cacert } = options;
  return RemoteServer.at(url, { tokenFile, cacert, site: await certificateHere(options) });
}

// The local site's certificate is trusted too, because --server may name this site's own server.
async function certificateHere(options: SiteOptions): Promise<string | undefined> {
  const named = options.config ?? process.env.SEALGATE_CONFIG;
  if (named === undefined && !existsSync(resolve('sealgate.json'))) return undefined;
  return (await siteConfig(options)).tls.certificate;
}
