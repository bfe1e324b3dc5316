// put: stores one file under a name.

import { createWriteStream, statSync } from 'node:fs';
import { mkdtemp, realpath, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import type { DigestName } from '../digest.ts';
import { SealgateError } from '../errors.ts';
import { isFull } from '../full_disk.ts';
import { addon, type Hashed } from '../native/addon.ts';
import type { ObjectFields } from '../object_fields.ts';
import { checkUnchanged } from '../store/import.ts';
import { secretIn } from '../store/secrets.ts';
import type { Store } from '../store/store.ts';
import type { Expiry } from '../store/time_to_live.ts';
import { createBucket } from './bucket.ts';
import { expiryFlag, type FieldOptions, saidFlags, withExpiry, withFields } from './field_flags.ts';
import { hashOf } from './hashing.ts';
import { type PlaceOptions, withPlace, writing } from './place.ts';
import { Refused } from './refusals.ts';
import type { Outcome, RemoteServer } from './remote_server.ts';
import { UsageError } from './say.ts';
import { checkBucket, declaredKind, parseName, siteConfig, withExamples } from './site.ts';

export function addPut(program: Command): void {
  const command = withExpiry(withFields(withPlace(program.command('put'))))
    .description('store one file under a name')
    .argument('<file>', "path, or '-' for standard input")
    .argument('<ref>', 'BUCKET/NAME')
    .option('--publish-secrets', 'include files that look like private keys, tokens or passwords')
    .action(put);
  withExamples(
    command,
    'sealgate put film.mp4 files/film.mp4',
    'sealgate put report.pdf files/report.pdf --expires 7d',
    "date | sealgate put - files/now --type 'text/plain; charset=utf-8'",
    "sealgate put app.js.gz live/app.js --content-encoding gzip --cache-control 'max-age=600' --meta build=7",
    'sealgate put film.mp4 files/film.mp4 --server https://files.example.org --token-file ~/.token',
  );
}

interface Target {
  bucket: string;
  name: string;
  /** Undefined: the store derives the type from the name. */
  mediaType: string | undefined;
  /** Undefined: those on record of the same bytes under this name stay. */
  fields: ObjectFields | undefined;
  /** When it ends; undefined: when the same bytes under this name do, else never. */
  expires: Expiry | undefined;
  /** Whether to refuse files that look like secrets. */
  guarded: boolean;
}

interface Options extends PlaceOptions, FieldOptions {
  publishSecrets?: true;
  expires?: string;
}

async function put(file: string, ref: string, options: Options): Promise<void> {
  const name = parseName(ref);
  const said = saidFlags(options);
  if (file !== '-') await checkFile(file);
  const to = { ...name, ...said, expires: expiryFlag(options), guarded: options.publishSecrets !== true };
  const { outcome, digest, size } = await writing<Hashed & { outcome: Outcome }>(options, [to.bucket], {
    onStore: async (store, config) => {
      const declared = declaredKind(config, to.bucket);
      if (declared && !store.bucket(to.bucket)) await store.createBucket(to.bucket, declared);
      return putIntoStore(store, file, to);
    },
    onServer: (server) =>
      fromFile(file, async (path) => {
        const sent = () => send(server, file, path, to);
        return sent().catch(async (cause) => {
          if (!(await makeDeclared(to.bucket, cause, options))) throw cause;
          return sent();
        });
      }),
  }).catch((cause) => {
    throw refusal(ref, cause);
  });
  console.log(`${ref} ${outcome} sha256:${digest} ${size} bytes`);
}

// A bucket that was declared after the server's start is made as the store itself makes it. False: it is not
// declared here, or another server is meant.
async function makeDeclared(bucket: string, refusal: Error, options: Options): Promise<boolean> {
  if (!(refusal instanceof Refused) || refusal.problem !== 'bucket-unknown') return false;
  if (options.server ?? process.env.SEALGATE_SERVER) return false;
  const declared = declaredKind(await siteConfig(options), bucket);
  if (declared !== undefined) await createBucket(bucket, declared, options, 'declared, and put to');
  return declared !== undefined;
}

async function checkFile(file: string): Promise<void> {
  if (!(await stat(file)).isFile())
    throw new UsageError(
      `${file}: is no regular file; 'sealgate import' stores a directory, '-' reads a pipe`,
    );
}

export async function send(server: RemoteServer, file: string, path: string, to: Target) {
  checkSecret(file, path, to);
  const modified = file === '-' ? undefined : statSync(path).mtimeMs;
  const hashed = await hashOf(path);
  return { ...hashed, outcome: await server.put(to, { path, ...hashed, modified }, to) };
}

export async function putIntoStore(store: Store, file: string, target: Target) {
  const { bucket, name, mediaType, fields, expires } = target;
  checkBucket(store, bucket);
  const staging = store.stagingPath();
  try {
    const wanted = store.bucket(bucket)?.digests;
    const { modified, ...hashed } = await fromFile(file, (path) => copy(path, staging, file, wanted));
    checkSecret(file, staging, target);
    const about = { mediaType, fields, expires, ...(file !== '-' && { modified }) };
    const outcome = await store.putObject(bucket, name, { staging, ...hashed }, about);
    return { ...hashed, outcome };
  } finally {
    await rm(staging, { force: true });
  }
}

function checkSecret(file: string, path: string, { name, guarded }: Target): void {
  const secret = guarded ? secretIn(name, path) : undefined;
  if (secret !== undefined) throw new Error(`${file}: ${secret}`);
}

function refusal(ref: string, cause: Error): Error {
  const code = cause instanceof Refused ? cause.problem : (cause as Partial<SealgateError>).code;
  if (code !== 'name-taken') return cause;
  return new Error(`${ref}: ${cause.message} Use another name, or a bucket of kind versioned.`, { cause });
}

// Standard input is copied to a file first, because its size must be known before it is stored.
async function fromFile<T>(file: string, use: (path: string) => Promise<T> | T): Promise<T> {
  if (file !== '-') return use(await realpath(file));
  const folder = await mkdtemp(join(tmpdir(), 'sealgate-'));
  try {
    const input = join(folder, 'standard-input');
    await pipeline(process.stdin, createWriteStream(input, { flags: 'wx', mode: 0o600 }));
    return await use(input);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function copy(
  file: string,
  staging: string,
  called: string,
  digests: readonly DigestName[] | undefined,
): Hashed & { modified: number } {
  try {
    const before = statSync(file);
    const copied = addon.importFile(file, staging, digests);
    checkUnchanged(before, statSync(file));
    return { ...copied, modified: Math.floor(before.mtimeMs) };
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (isFull(code)) throw new SealgateError('store-full', undefined, { cause });
    throw new Error(`${called === '-' ? 'standard input' : called}: ${message}`, { cause });
  }
}
