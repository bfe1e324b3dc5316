// put: one file under a name.

import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { mediaTypeOf } from '../media_type.ts';
import { addon } from '../native/addon.ts';
import { checkObjectName } from '../store/names.ts';
import type { Store } from '../store/store.ts';
import { parseReference, type SiteOptions, withSite, withStore } from './site.ts';

export function addPut(program: Command): void {
  withSite(program.command('put'))
    .description('store one file under a name')
    .argument('<file>', "path, or '-' for standard input")
    .argument('<ref>', 'BUCKET/NAME')
    .option('--type <media-type>', 'default: by the name')
    .action(put);
}

async function put(file: string, ref: string, options: SiteOptions & { type?: string }): Promise<void> {
  const reference = parseReference(ref);
  if ('digest' in reference) throw new Error(`${ref}: a name is needed, BUCKET/NAME`);
  checkObjectName(reference.name);
  await withStore({ ...options, readOnly: false }, async (store) => {
    const mediaType = options.type ?? mediaTypeOf(reference.name);
    const staged = await stage(store, file);
    try {
      await store.commitBlob(staged.staging, staged);
      const outcome = await store.putRef(reference.bucket, reference.name, {
        digest: staged.digest,
        mediaType,
      });
      console.log(`${ref} ${outcome} sha256:${staged.digest} ${staged.size} bytes`);
    } finally {
      await rm(staged.staging, { force: true });
    }
  });
}

// Standard input goes through a file: its size is not known before its end.
async function stage(store: Store, file: string) {
  const staging = store.stagingPath();
  if (file !== '-') return { staging, ...addon.importFile(file, staging) };
  const copy = join(tmpdir(), `sealgate-${process.pid}-stdin`);
  try {
    await pipeline(process.stdin, createWriteStream(copy, { flags: 'wx', mode: 0o600 }));
    return { staging, ...addon.importFile(copy, staging) };
  } finally {
    await rm(copy, { force: true });
  }
}
