// put: one file under a name.

import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { SealgateError } from '../errors.ts';
import { checkedMediaType, mediaTypeOf } from '../media_type.ts';
import { addon, type Hashed } from '../native/addon.ts';
import { isFull } from '../store/blobs.ts';
import { checkObjectName } from '../store/names.ts';
import { secretIn } from '../store/secrets.ts';
import type { Store } from '../store/store.ts';
import { UsageError } from './say.ts';
import { checkBucket, parseReference, type SiteOptions, withExamples, withSite, withStore } from './site.ts';

export function addPut(program: Command): void {
  const command = withSite(program.command('put'))
    .description('store one file under a name')
    .argument('<file>', "path, or '-' for standard input")
    .argument('<ref>', 'BUCKET/NAME')
    .option('--type <media-type>', 'default: by the name')
    .option('--publish-secrets', 'also what looks like a private key, tokens or passwords')
    .action(put);
  withExamples(
    command,
    'sealgate put film.mp4 files/film.mp4',
    "date | sealgate put - files/now --type 'text/plain; charset=utf-8'",
  );
}

interface Options extends SiteOptions {
  type?: string;
  publishSecrets?: true;
}

async function put(file: string, ref: string, options: Options): Promise<void> {
  const reference = parseReference(ref);
  if ('digest' in reference) throw new Error(`${ref}: a name is needed, BUCKET/NAME`);
  checkObjectName(reference.name);
  const mediaType = options.type === undefined ? mediaTypeOf(reference.name) : typeFlag(options.type);
  await withStore({ ...options, readOnly: false }, async (store) => {
    checkBucket(store, reference.bucket);
    const staged = await stage(store, file);
    try {
      const secret = options.publishSecrets ? undefined : secretIn(reference.name, staged.staging);
      if (secret !== undefined) throw new Error(`${file}: ${secret}`);
      await store.commitBlob(staged.staging, staged);
      const outcome = await store
        .putRef(reference.bucket, reference.name, { digest: staged.digest, mediaType })
        .catch((cause) => {
          throw refusal(ref, cause);
        });
      console.log(`${ref} ${outcome} sha256:${staged.digest} ${staged.size} bytes`);
    } finally {
      await rm(staged.staging, { force: true });
    }
  });
}

function typeFlag(given: string): string {
  try {
    return checkedMediaType(given);
  } catch (cause) {
    const shown = JSON.stringify(given.slice(0, 100));
    throw new UsageError(`--type: expected a media type like text/html, got ${shown}`, { cause });
  }
}

function refusal(ref: string, cause: Error): Error {
  const taken = cause instanceof SealgateError && cause.code === 'name-taken';
  const advice = taken ? ' Use another name, or a bucket of kind versioned.' : '';
  return new Error(`${ref}: ${cause.message}${advice}`, { cause });
}

// Standard input goes through a file: its size is not known before its end.
async function stage(store: Store, file: string) {
  const staging = store.stagingPath();
  if (file !== '-') return { staging, ...copy(file, staging, file) };
  const input = join(tmpdir(), `sealgate-${process.pid}-stdin`);
  try {
    await pipeline(process.stdin, createWriteStream(input, { flags: 'wx', mode: 0o600 }));
    return { staging, ...copy(input, staging, 'standard input') };
  } finally {
    await rm(input, { force: true });
  }
}

function copy(file: string, staging: string, called: string): Hashed {
  try {
    return addon.importFile(file, staging);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (isFull(code)) throw new SealgateError('store-full', undefined, { cause });
    throw new Error(`${called}: ${message}`, { cause });
  }
}
