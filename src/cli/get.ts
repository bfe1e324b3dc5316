// get: writes a stored object to a file or standard output and verifies its digest.

import { createWriteStream, type Stats } from 'node:fs';
import { lstat, realpath, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { streamRegular } from '../regular_file.ts';
import { type Expected, fill, proving, writeVerified } from '../verified_file.ts';
import { blobFile } from './blob_file.ts';
import { type PlaceOptions, reading, withPlace } from './place.ts';
import { wordsOf } from './say.ts';
import { find, parseReference, withExamples } from './site.ts';

export function addGet(program: Command): void {
  const command = withPlace(program.command('get'))
    .description('write a stored object to a file or standard output, and verify its digest')
    .argument('<ref>', 'BUCKET/NAME or sha256:HEX')
    .option(
      '-o, --output <file>',
      'file to write, which appears only when complete and verified, a pipe or a device; -: stdout (default)',
    )
    .action(get);
  withExamples(
    command,
    'sealgate get files/index.html',
    'sealgate get files/film.mp4 -o film.mp4',
    'sealgate get files/film.mp4 -o film.mp4 --server https://files.example.org',
  );
}

async function get(ref: string, options: PlaceOptions & { output?: string }): Promise<void> {
  const reference = parseReference(ref);
  await reading(options, {
    onStore: async (store) => {
      const { digest } = find(store, ref);
      const path = await blobFile(store, digest).catch(({ message }) => {
        throw new Error(`${ref}: ${message}; store the same bytes again`);
      });
      await write(streamRegular(path), { digest, called: `${ref}: the stored file` }, options.output);
    },
    onServer: async (server) => {
      const { digest, bytes } = await server.read(reference);
      const called = `${ref}: what ${server.url} sent`;
      await write(Readable.from(bytes), { digest: digestOf(reference, digest), called }, options.output);
    },
  });
}

// When the object is requested by its digest, that digest must match, whatever ETag the server sends.
function digestOf(reference: ReturnType<typeof parseReference>, etag: string): string {
  return 'digest' in reference ? reference.digest : etag;
}

async function write(source: Readable, expected: Expected, output: string | undefined): Promise<void> {
  if (output === undefined || output === '-') {
    const { digest, called } = expected;
    return pipeline(source, proving(digest, called), process.stdout, { end: false });
  }
  const target = await replaceable(output);
  try {
    // Pipes and devices are written to: put in their place, a file would destroy them.
    if (target === undefined) await fill(createWriteStream(output), source, expected);
    else await writeVerified(target, source, expected);
  } catch (cause) {
    const { path, syscall, code, message } = cause as NodeJS.ErrnoException;
    const names = path !== undefined && [output, target].some((each) => each && path.startsWith(each));
    const ours = code !== undefined && (names || /^(write|fsync|rename)/.test(syscall ?? ''));
    throw ours ? new Error(`${output}: cannot be written: ${wordsOf(code) ?? message}`, { cause }) : cause;
  }
}

/** The regular file that a path names or would name, without links; undefined: it names something else. */
async function replaceable(output: string): Promise<string | undefined> {
  const found = await ifThere(stat(output));
  if (found) return found.isFile() ? realpath(output) : undefined;
  const dangling = await ifThere(lstat(output));
  return dangling ? undefined : output;
}

function ifThere(looking: Promise<Stats>): Promise<Stats | undefined> {
  // What cannot be looked at cannot be written either, and the error of writing tells it.
  return looking.catch(() => undefined);
}
