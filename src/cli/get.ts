// get: what a name points at, verified on its way out.

import { createHash } from 'node:crypto';
import { constants, createReadStream, createWriteStream } from 'node:fs';
import { access, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { find, type SiteOptions, withExamples, withSite, withStore } from './site.ts';

export function addGet(program: Command): void {
  const command = withSite(program.command('get'))
    .description('write what is stored under a name to a file or standard output, and verify it on the way')
    .argument('<ref>', 'BUCKET/NAME or sha256:HEX')
    .option('-o, --output <file>', 'default: standard output')
    .action(get);
  withExamples(command, 'sealgate get files/index.html', 'sealgate get files/film.mp4 -o film.mp4');
}

async function get(ref: string, options: SiteOptions & { output?: string }): Promise<void> {
  await withStore({ ...options, readOnly: true }, async (store) => {
    const { digest } = find(store, ref);
    const path = join(store.root, 'blobs', 'sha256', digest.slice(0, 2), digest.slice(2, 4), digest);
    await access(path, constants.R_OK).catch(({ code }) => {
      throw new Error(`${ref}: its file cannot be read (${code}): ${path}; store the same bytes again`);
    });
    const hash = createHash('sha256');
    const check = new Transform({
      transform(chunk, _encoding, done) {
        hash.update(chunk);
        done(null, chunk);
      },
      flush(done) {
        const found = hash.digest('hex');
        done(
          found === digest
            ? null
            : new Error(`${ref}: the stored file is damaged: it has SHA-256 ${found}, not ${digest}`),
        );
      },
    });
    if (options.output === undefined)
      return pipeline(createReadStream(path), check, process.stdout, { end: false });
    // The name appears with the last verified byte.
    const partial = `${options.output}.${process.pid}.partial`;
    try {
      await pipeline(createReadStream(path), check, createWriteStream(partial, { flags: 'wx' }));
      await rename(partial, options.output);
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      throw code === undefined ? cause : new Error(`${options.output}: cannot be written: ${message}`);
    } finally {
      await rm(partial, { force: true });
    }
  });
}
