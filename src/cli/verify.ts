// verify: checks whether the blobs of the store still have their digests, and takes blobs back from
// quarantine.

import type { Command } from 'commander';
import { isDigest } from '../digest.ts';
import type { FileProgress } from '../file_progress.ts';
import { readAnnouncement } from '../server/announcement.ts';
import { StoreHeld } from '../store/layout.ts';
import { quarantineOf } from '../store/quarantine.ts';
import type { KnownBlob, Store } from '../store/store.ts';
import { allKnown, type Fault, findMiscounted, findStrays, verifyBlobs } from '../store/verification.ts';
import { interruptibly } from './interrupt.ts';
import { display } from './progress.ts';
import { damagedStatus, sayError, UsageError } from './say.ts';
import { signalStatus } from './signals.ts';
import { type SiteOptions, withExamples, withSite, withStore } from './site.ts';

interface Options extends SiteOptions {
  restore?: true;
  json?: true;
}

/** Faults that keep no content from being delivered. */
const harmless = new Set<Fault['state']>(['unrecorded', 'foreign', 'wrong-mode', 'miscounted']);

const again = 'store the same bytes again, or bring the file back from a backup';
const advice: Record<Fault['state'], string> = {
  damaged: again,
  missing: `${again}; is every disk of the store mounted?`,
  unreadable: 'see what the system says of the disk and of the permissions, then verify it again',
  withdrawn:
    "run 'sealgate verify --restore', which gives it back if a file of it is right, or store it again",
  'not-forgotten': "run 'sealgate forget' again, which removes the file",
  unrecorded:
    'a crash in an upload left it, and nothing points at it; the server takes it up or removes it by itself',
  foreign: 'move it elsewhere, and find out who writes below the store',
  'wrong-mode': 'the server sets it when the blob is asked for; find out who changed it',
  miscounted: "run 'sealgate rebuild' while no server has the store open, which counts anew",
  unknown: 'there is neither a record nor a file; is it the right store?',
};

const uncompared =
  'the counters of buckets were not compared with their names: the store is written to, or an older ' +
  'version wrote to it last';

export function addVerify(program: Command): void {
  const command = withSite(program.command('verify'))
    .description('read and hash the store: list what is damaged, missing, in quarantine, or not the store’s')
    .argument('[digest...]', 'sha256:HEX or HEX; without any, all blobs')
    .option('--restore', 'take intact blobs back from quarantine; check nothing else')
    .option('--json', 'print one JSON object per line: each fault, then a summary')
    .action(verify)
    .addHelpText(
      'after',
      `
Without --restore nothing is written, so a server may run meanwhile. --restore needs the store to itself.
Exit status: 0 when all content is right, also when there are files beside it; ${damagedStatus} when a blob is
damaged, missing, unreadable or in quarantine, or could not be restored; 1 when the command failed.`,
    );
  withExamples(command, 'sealgate verify', 'sealgate verify --json', 'sealgate verify --restore');
}

async function verify(given: string[], options: Options): Promise<void> {
  const digests = given.map(parseDigest);
  if (options.restore) await restoring(digests, options);
  else await looking(digests, options);
}

function parseDigest(text: string): string {
  const digest = text.replace(/^sha256:/, '');
  if (isDigest(digest)) return digest;
  throw new UsageError(`${text}: expected sha256: and 64 lower-case hex digits`);
}

async function looking(digests: string[], options: Options): Promise<void> {
  await withStore({ ...options, readOnly: true }, async (store) => {
    if (!options.json && (await readAnnouncement(store.root)))
      sayError('a server may have this store open: it is read, and nothing is changed');
    const run = new Run(store, options.json === true);
    await interruptibly('blobs', async (signal) => {
      await run.all(digests, signal);
      if (signal.aborted) process.exitCode = signalStatus.SIGINT;
    });
    await run.end();
  });
}

/** One run of the verification: counts, shows progress and prints faults. */
class Run {
  readonly #store: Store;
  readonly #json: boolean;
  readonly #progress: FileProgress = { files: 0, bytes: 0, totalFiles: 0, totalBytes: 0 };
  readonly #display = display('blobs');
  readonly #lines: string[] = [];
  /** Number of blobs that were read, which those that are forgotten or withdrawn are not. */
  #verified = 0;
  #faults = 0;
  /** Number of faults that make content unavailable. */
  #grave = 0;

  constructor(store: Store, json: boolean) {
    this.#store = store;
    this.#json = json;
  }

  async all(digests: string[], signal: AbortSignal): Promise<void> {
    const isAsked = digests.length > 0;
    const blobs = () => (isAsked ? this.#asked(digests) : allKnown(this.#store));
    for (const blob of blobs()) {
      this.#progress.totalFiles++;
      this.#progress.totalBytes += blob.state === 'stored' ? blob.size : 0;
    }
    const on = {
      store: this.#store,
      signal,
      onFault: (fault: Fault) => this.#tell(fault),
      onDone: (blob: KnownBlob) => {
        this.#progress.files++;
        if (blob.state === 'stored') {
          this.#verified++;
          this.#progress.bytes += blob.size;
        }
        this.#display.update(this.#progress);
      },
    };
    try {
      await verifyBlobs(blobs(), on);
      if (isAsked) for (const digest of digests) this.#tellUnknown(digest);
      else if (!signal.aborted) {
        await findStrays(on);
        if (!(await findMiscounted(on, this.#store))) sayError(uncompared);
      }
    } finally {
      this.#display.end();
      for (const line of this.#lines) console.log(line);
    }
  }

  *#asked(digests: string[]): Generator<KnownBlob> {
    for (const digest of digests) yield* this.#store.known({ only: digest });
  }

  #tellUnknown(digest: string): void {
    if (this.#store.known({ only: digest }).length === 0)
      this.#tell({ digest, state: 'unknown', detail: 'there is no such blob' });
  }

  #tell(fault: Fault): void {
    this.#faults++;
    if (!harmless.has(fault.state)) this.#grave++;
    const line = this.#json ? JSON.stringify({ ...fault, advice: advice[fault.state] }) : lineOf(fault);
    // Kept until the progress bar ends, which would overwrite the line.
    if (process.stderr.isTTY) this.#lines.push(line);
    else console.log(line);
  }

  async end(): Promise<void> {
    const { bytes } = this.#progress;
    const verified = this.#verified;
    const faults = this.#faults;
    const quarantine = await quarantineOf(this.#store.root);
    if (this.#json) console.log(JSON.stringify({ blobs: verified, bytes, faults, quarantine }));
    else {
      const { files: kept } = quarantine;
      const aside = kept > 0 ? `, ${kept === 1 ? '1 file' : `${kept} files`} in quarantine` : '';
      const found = faults === 0 ? 'all right' : `${faults} faults`;
      console.log(`${verified} blobs verified, ${found}${aside}`);
    }
    if (this.#grave > 0) process.exitCode ??= damagedStatus;
  }
}

function lineOf(fault: Fault): string {
  const { state, detail } = fault;
  return `${[state, subjectOf(fault)].filter(Boolean).join(' ')}: ${detail}; ${advice[state]}`;
}

function subjectOf(fault: Fault): string | undefined {
  if ('digest' in fault) return `sha256:${fault.digest}`;
  return 'path' in fault ? fault.path : fault.bucket;
}

async function restoring(digests: string[], options: Options): Promise<void> {
  try {
    await withStore({ ...options, readOnly: false }, (store) =>
      restore(store, digests, options.json === true),
    );
  } catch (cause) {
    if (!(cause instanceof StoreHeld)) throw cause;
    const what = 'stop the server that has this store open, run the command again, and start the server';
    throw new Error(`${cause.message.split(';')[0]}; to restore, ${what}`, { cause });
  }
}

async function restore(store: Store, digests: string[], json: boolean): Promise<void> {
  const asked = digests.length > 0 ? digests : withdrawn(store);
  let restored = 0;
  let left = 0;
  for (const digest of asked) {
    const outcome = await store.restore(digest);
    if (outcome === 'restored') restored++;
    else left++;
    if (json) console.log(JSON.stringify({ digest, outcome }));
    else console.log(`${outcome} sha256:${digest}: ${explanations[outcome]}`);
  }
  if (json) console.log(JSON.stringify({ restored, left }));
  else console.log(`${restored} blobs restored, ${left} not`);
  if (left > 0) process.exitCode = damagedStatus;
}

function* withdrawn(store: Store): Generator<string> {
  for (const { digest, state } of allKnown(store)) if (state === 'withdrawn') yield digest;
}

const explanations: Record<Awaited<ReturnType<Store['restore']>>, string> = {
  restored: 'it is served again',
  'not-withdrawn': 'it is not in quarantine, and nothing was done',
  forgotten: 'it was forgotten, and stays so; the same bytes may be stored again',
  'no-right-file': `no file of it has its digest; ${again}`,
};
