// export: a bucket as a plain tree of files, with a manifest of what a file system cannot say. `import` takes
// it back.

import { mkdir, open, realpath, rename, rm, rmdir, stat, utimes } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { Readable } from 'node:stream';
import type { Command } from 'commander';
import { counted } from '../counted.ts';
import { syncFile } from '../durable_file.ts';
import { type ErrorCode, hasCode } from '../errors.ts';
import type { FileProgress } from '../file_progress.ts';
import { namesIn } from '../folder_names.ts';
import { naming } from '../named_errors.ts';
import { streamRegular } from '../regular_file.ts';
import {
  earlierFiles,
  fileOf,
  type ManifestHeader,
  type ManifestLine,
  manifestHeader,
  manifestName,
  sideFolder,
} from '../store/manifest.ts';
import { inTurns } from '../turns.ts';
import { writeVerified } from '../verified_file.ts';
import { blobFile } from './blob_file.ts';
import { hashOf } from './hashing.ts';
import { localPage, type ListedPage as Page } from './ls.ts';
import { type PlaceOptions, reading, withPlace } from './place.ts';
import { display } from './progress.ts';
import { Refused } from './refusals.ts';
import { sayFailures, sentenceOf } from './say.ts';
import { checkBucket, type Listed, withExamples } from './site.ts';
import { humanBytes } from './units.ts';

/** Files that are written at a time. */
const concurrency = 4;

export function addExport(program: Command): void {
  const command = withPlace(program.command('export'))
    .description('write a bucket as a tree of files with a manifest, which import takes back')
    .argument('<bucket>', 'name of the bucket')
    .argument('<dir>', 'folder that is empty, does not exist, or has an earlier export of the bucket')
    .option('-p, --prefix <text>', 'only names that begin so', '')
    .action(run)
    .addHelpText(
      'after',
      `
The newest version of each name is written, and each file is checked against its digest. A name that is no
path of a file system (a//b, dir/, a beside a/b) has its file in ${sideFolder}/. Names whose content was
forgotten are left out. Run again, it writes what is new, leaves files alone that are right, and removes those
of the earlier export whose names are no longer there (with --prefix: of names that begin so). The manifest,
${manifestName}, comes last.`,
    );
  withExamples(
    command,
    'sealgate export files /backup/files',
    'sealgate import /backup/files --bucket files',
    'sealgate export web ./web --server https://files.example.org --token-file ~/.sealgate-token',
  );
}

/** Where the names and their bytes come from. */
interface Origin {
  kind: ManifestHeader['kind'];
  page(after: string): Page | Promise<Page>;
  open(entry: Listed): Promise<Readable>;
}

async function run(
  bucket: string,
  directory: string,
  options: PlaceOptions & { prefix: string },
): Promise<void> {
  const { prefix } = options;
  const limit = 1000;
  await reading(options, {
    onStore: (store) => {
      checkBucket(store, bucket);
      return new Export(bucket, directory, prefix, {
        kind: store.bucket(bucket)?.kind ?? 'write-once',
        page: (after) => localPage(store, bucket, { prefix, after, limit }),
        open: async ({ digest }) => streamRegular(await blobFile(store, digest)),
      }).run();
    },
    onServer: (server) =>
      new Export(bucket, directory, prefix, {
        // A server does not tell the kind to readers; a bucket that import makes can be given one.
        kind: 'versioned',
        page: (after) => server.list(bucket, { prefix, after, limit }),
        open: async ({ digest, name }) => {
          const found = await server.read({ bucket, name });
          if (found.digest === digest) return Readable.from(found.bytes);
          throw new Error('was replaced while the bucket was exported; export it again');
        },
      }).run(),
  });
}

class Export {
  readonly #bucket: string;
  readonly #directory: string;
  readonly #prefix: string;
  readonly #origin: Origin;
  readonly #progress: FileProgress = { files: 0, bytes: 0, totalFiles: 0, totalBytes: 0 };
  readonly #failures: { what: string; reason: string }[] = [];
  /** Files of an earlier export, by their path in it, until a name is exported to them. */
  #earlier = new Map<string, string>();
  /** Names whose bytes were forgotten: no later run can export them. */
  readonly #forgotten: Listed[] = [];
  #written = 0;

  constructor(bucket: string, directory: string, prefix: string, origin: Origin) {
    this.#bucket = bucket;
    this.#directory = directory;
    this.#prefix = prefix;
    this.#origin = origin;
  }

  async run(): Promise<void> {
    await this.#checkDirectory();
    for await (const { size } of this.#entries()) {
      this.#progress.totalFiles++;
      this.#progress.totalBytes += size;
    }
    await mkdir(join(this.#directory, sideFolder), { recursive: true });
    for await (const { file, path } of earlierFiles(this.#directory, this.#prefix))
      this.#earlier.set(file, path);
    const partial = join(this.#directory, sideFolder, 'manifest.partial');
    const manifest = await open(partial, 'w');
    const shown = display('files');
    // One line after another: those of files that are written at the same time do not mix.
    let written = Promise.resolve();
    const write = (value: ManifestHeader | ManifestLine) => {
      const line = `${JSON.stringify(value)}\n`;
      const its = written.then(() => naming(partial, () => manifest.appendFile(line)));
      written = its.catch(() => {});
      return its;
    };
    try {
      await write({ sealgateExport: 1, bucket: this.#bucket, kind: this.#origin.kind });
      await inTurns(this.#entries(), concurrency, async (entry) => {
        const line = await this.#take(entry);
        if (line) await write(line);
        shown.update(this.#progress);
      });
    } finally {
      shown.end();
      await written;
      await manifest.close();
    }
    await this.#end(partial);
  }

  async #checkDirectory(): Promise<void> {
    const there = await namesIn(this.#directory);
    const earlier = await manifestHeader(this.#directory);
    // Without a manifest, the side folder says that an export was not finished.
    const isOurs = earlier ? earlier.bucket === this.#bucket : there.includes(sideFolder);
    if (there.length > 0 && !isOurs)
      throw new Error(
        `${this.#directory}: holds ${earlier ? `an export of ${earlier.bucket}` : 'other files'}; name an ` +
          'empty folder, or one that does not exist',
      );
  }

  async *#entries(): AsyncGenerator<Listed> {
    for (let after: string | undefined = ''; after !== undefined; ) {
      const { entries, next }: Page = await this.#origin.page(after);
      yield* entries;
      after = next;
    }
  }

  async #take(entry: Listed): Promise<ManifestLine | undefined> {
    const { name, size } = entry;
    try {
      const file = await this.#write(entry);
      this.#earlier.delete(file);
      return { ...entry, file };
    } catch (error) {
      if (isForgotten(error)) this.#forgotten.push(entry);
      else this.#failures.push({ what: name, reason: sentenceOf(error) });
      return undefined;
    } finally {
      this.#progress.files++;
      this.#progress.bytes += size;
    }
  }

  // A name that is the folder of another one is found out when its file is to be written, or the folder made.
  async #write(entry: Listed): Promise<string> {
    const own = fileOf(entry.name);
    const side = `${sideFolder}/${entry.digest}`;
    if (own === undefined) return this.#place(entry, side);
    try {
      return await this.#place(entry, own);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (!['ENOTDIR', 'EEXIST', 'EISDIR', 'ENAMETOOLONG', 'EINVAL'].includes(code ?? '')) throw error;
      return this.#place(entry, side);
    }
  }

  async #place(entry: Listed, file: string): Promise<string> {
    const { digest, name, lastModified } = entry;
    const path = join(this.#directory, file);
    const there = await stat(path).catch(() => undefined);
    if (there?.isFile() && there.size === entry.size && (await hashOf(path)).digest === digest) return file;
    await mkdir(dirname(path), { recursive: true });
    await writeVerified(path, await this.#origin.open(entry), { digest, called: `${name}: what is stored` });
    await utimes(path, new Date(), new Date(lastModified));
    this.#written++;
    return file;
  }

  // The earlier manifest still names them, so that a run which is killed here is done by the next.
  async #removeEarlier(): Promise<string> {
    const top = await realpath(this.#directory);
    for (const path of this.#earlier.values()) {
      await rm(path);
      await removeEmpty(dirname(path), top);
    }
    const count = this.#earlier.size;
    return count === 0 ? '' : `; ${counted(count, 'file')} removed, whose names are no longer there`;
  }

  async #end(partial: string): Promise<void> {
    const { files, bytes } = this.#progress;
    const forgotten = this.#forgotten.length;
    const reason = 'was left out: its content was forgotten';
    sayFailures(this.#forgotten.map(({ name }) => ({ what: name, reason })));
    sayFailures(this.#failures);
    if (this.#failures.length > 0) {
      await rm(partial);
      throw new Error(
        `${this.#failures.length} of ${files} names were not exported, so there is no manifest; run the ` +
          'same command again once the cause is gone',
      );
    }
    const removed = await this.#removeEarlier();
    await syncFile(partial);
    await rename(partial, join(this.#directory, manifestName));
    await syncFile(join(this.#directory, manifestName));
    const exported = this.#forgotten.reduce((sum, { size }) => sum - size, bytes);
    const left = forgotten === 0 ? '' : `; ${forgotten} left out, since their content was forgotten`;
    const written = `${counted(this.#written, 'file')} written${left}${removed}`;
    console.log(`${counted(files - forgotten, 'name')} exported, ${humanBytes(exported)}; ${written}`);
  }
}

/** Folders that are empty go, up to the folder of the export. */
async function removeEmpty(path: string, top: string): Promise<void> {
  for (let folder = path; folder.startsWith(top + sep); folder = dirname(folder)) {
    const isRemoved = await rmdir(folder).then(
      () => true,
      () => false,
    );
    if (!isRemoved) return;
  }
}

/** Whether a store, or a server, has forgotten the bytes of a name. */
function isForgotten(error: unknown): boolean {
  const forgotten: ErrorCode = 'content-forgotten';
  return error instanceof Refused ? error.problem === forgotten : hasCode(error, forgotten);
}
