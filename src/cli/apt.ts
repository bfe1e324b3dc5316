// apt: makes an apt repository of the packages below a prefix of a bucket.

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Command } from 'commander';
import { naming } from '../named_errors.ts';
import { claiming } from './apt_claim.ts';
import { type Files, ofServer, ofStore, revalidated } from './apt_files.ts';
import {
  checkedControl,
  controlsIn,
  fieldOf,
  indexesOf,
  listedIn,
  type Package,
  releaseOf,
  type Suite,
  sha256,
} from './apt_repository.ts';
import type { ListedPage } from './ls.ts';
import { type PlaceOptions, withPlace, writing } from './place.ts';
import { display } from './progress.ts';
import { numberOf, UsageError } from './say.ts';
import { checkBucket, parseName, withExamples } from './site.ts';

const run = promisify(execFile);
/** Bytes of what a program prints, and of an index that is read again. */
const mostBytes = 64 * 1024 * 1024;
const lasting = 'public, max-age=31536000, immutable';

interface Options extends PlaceOptions {
  suite: string;
  component: string;
  pool: string;
  architectures?: string;
  origin?: string;
  label?: string;
  validDays?: string;
  signWith?: string;
  gpgHome?: string;
}

export function addApt(program: Command): void {
  const apt = program.command('apt').description('apt repositories of packages that were uploaded');
  const publish = withPlace(apt.command('publish'))
    .description('make the indexes of all packages below BUCKET/PREFIX/pool/, and let clients have them')
    .argument('<ref>', 'BUCKET/PREFIX: the root of the repository')
    .requiredOption('--suite <name>', 'what clients write behind the URL, as stable')
    .option('--component <name>', 'the component that all packages are in', 'main')
    .option('--pool <path>', 'where the packages of the suite are, below the root', 'pool/')
    .option('--architectures <list>', 'comma-separated; those of the packages')
    .option('--origin <text>', 'who publishes it, in the Release file; as before')
    .option('--label <text>', 'what it is called, in the Release file; as before')
    .option('--valid-days <days>', 'after so many days clients take it for stale; never')
    .option('--sign-with <key>', 'key of gpg; without it clients need [trusted=yes]')
    .option('--gpg-home <folder>', 'where gpg has its keys')
    .action(publishSuite);
  withExamples(
    publish,
    'sealgate put tool_1.0_amd64.deb packages/debian/pool/main/tool_1.0_amd64.deb',
    'sealgate apt publish packages/debian --suite stable --sign-with packages@example.org',
  );
}

async function publishSuite(ref: string, options: Options): Promise<void> {
  const { bucket, name: root } = parseName(withoutSlashes(ref));
  for (const each of ['suite', 'component'] as const)
    if (!/^[a-z0-9][a-z0-9._-]{0,63}$/i.test(options[each]))
      throw new UsageError(`--${each}: expected letters, digits, dots, hyphens and underscores`);
  const folder = await mkdtemp(join(tmpdir(), 'sealgate-apt-'));
  try {
    const count = await writing(options, [bucket], {
      // Nobody else has the store meanwhile.
      onStore: (store) => {
        checkBucket(store, bucket);
        return publish(ofStore(store, bucket), { root, folder, options });
      },
      onServer: (server) => {
        const claim = { bucket, name: `${root}/dists/${options.suite}/.publishing` };
        const files = ofServer(server, bucket, folder);
        return claiming(server, claim, folder, () => publish(files, { root, folder, options }));
      },
    });
    const signed = options.signWith === undefined ? 'not signed' : `signed with ${options.signWith}`;
    console.log(`${bucket}/${root} ${options.suite}: ${count} packages, ${signed}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const withoutSlashes = (path: string) =>
  path
    .split('/')
    .filter((part) => part !== '')
    .join('/');

interface Publishing {
  /** The prefix of the repository. */
  root: string;
  /** For files that are made. */
  folder: string;
  options: Options;
}

// The Release file and the names of its indexes change at once, and the indexes of the one before stay by
// their digests: whoever has read that one finds what it lists.
async function publish(files: Files, { root, folder, options }: Publishing): Promise<number> {
  const dists = `${root}/dists/${options.suite}`;
  const there = new Map((await all(files, `${dists}/`)).map(({ name, digest }) => [name, digest]));
  const text = async (name: string) => {
    const digest = there.get(name);
    return digest === undefined ? '' : files.file(name, digest, readText);
  };
  const before = await text(`${dists}/Release`);
  const suite = suiteOf(options, before);
  const known = new Map<string, string>();
  for (const name of there.keys())
    if (name.endsWith('/Packages'))
      for (const [digest, its] of controlsIn(await text(name))) known.set(digest, its);
  const packages = await packagesIn(files, { root, pool: options.pool, known });
  const indexes = indexesOf(packages, suite);
  const release = releaseOf(indexes, suite);
  const signed = await signedForms(release, folder, options);
  const put = async (name: string, bytes: Uint8Array | string, cacheControl = revalidated) => {
    const path = join(folder, sha256(Buffer.from(bytes)));
    await naming(path, () => writeFile(path, bytes));
    await files.put(`${dists}/${name}`, path, cacheControl);
  };
  const hashed = new Map([...indexes].map(([path, bytes]) => [byHash(path, bytes), bytes]));
  for (const [path, bytes] of hashed) await put(path, bytes, lasting);
  const kept = new Set([...listedIn(before), ...[...indexes.values()].map(sha256)]);
  const names = new Set([...hashed.keys(), ...indexes.keys(), ...signed.map(([path]) => path)]);
  const gone = [...there.keys()].filter((name) => {
    const path = name.slice(dists.length + 1);
    const isOlder = path.includes('/by-hash/') && kept.has(path.slice(path.lastIndexOf('/') + 1));
    return !names.has(path) && !isOlder && isMade(path);
  });
  const staged = signed.map(([path]) => `${dists}/${ahead(path)}`);
  try {
    // Names change to bytes that are stored.
    for (const [path, bytes] of signed) await put(ahead(path), bytes);
    await files.switchNames([
      ...[...indexes, ...signed].map(([path, bytes]) => {
        return { name: `${dists}/${path}`, digest: sha256(Buffer.from(bytes)) };
      }),
      ...[...new Set([...gone, ...staged])].map((name) => ({ name })),
    ]);
  } catch (error) {
    // As well as can be: what stays goes with the next publish.
    await removeAll(files, staged).catch(() => {});
    throw error;
  }
  return packages.length;
}

async function removeAll(files: Files, names: readonly string[]): Promise<void> {
  for (const name of names) await files.remove(name);
}

/** The name under which a file is stored before its own points at it. */
const ahead = (path: string) => `.publishing-${path}`;

/** Whether a file below a suite is one that this command makes. */
function isMade(path: string): boolean {
  const isIndex = /^[^/]+\/binary-[^/]+\/(?:Packages(?:\.gz)?|by-hash\/SHA256\/[0-9a-f]{64})$/.test(path);
  return isIndex || /^(?:\.publishing-)?(?:InRelease|Release|Release\.gpg)$/.test(path);
}

function byHash(path: string, bytes: Uint8Array): string {
  return `${path.slice(0, path.lastIndexOf('/'))}/by-hash/SHA256/${sha256(bytes)}`;
}

// Clients stop at a suite that has another Origin or Label than before, so these stay unless they are said.
function suiteOf(options: Options, before: string): Suite {
  const { suite, component, architectures, validDays } = options;
  const { origin = fieldOf(before, 'Origin'), label = fieldOf(before, 'Label') } = options;
  const named = architectures?.split(',').map((each) => each.trim());
  if (named?.some((each) => !/^[a-z0-9][a-z0-9-]{0,39}$/.test(each)))
    throw new UsageError('--architectures: expected a comma-separated list, as amd64,arm64');
  for (const said of [origin, label])
    if (said !== undefined && /[^ -~]/.test(said))
      throw new UsageError('--origin, --label: expected plain text');
  const days =
    validDays === undefined
      ? undefined
      : numberOf('--valid-days', validDays, 'a whole number from 1 to 3650', isDays);
  return { suite, component, architectures: named, origin, label, date: new Date(), validDays: days };
}

const isDays = (days: number) => Number.isInteger(days) && days >= 1 && days <= 3650;

async function all(files: Files, prefix: string): Promise<ListedPage['entries']> {
  const found: ListedPage['entries'] = [];
  for (let after: string | undefined = ''; after !== undefined; ) {
    const page: ListedPage = await files.list(prefix, after);
    found.push(...page.entries);
    after = page.next;
  }
  return found;
}

interface Pool {
  root: string;
  pool: string;
  /** Control files of packages that were read before, by their SHA-256. */
  known: Map<string, string>;
}

async function packagesIn(files: Files, { root, pool, known }: Pool): Promise<Package[]> {
  const prefix = `${root}/${withoutSlashes(pool)}/`;
  const found = (await all(files, prefix)).filter(({ name }) => name.endsWith('.deb'));
  if (found.length === 0) throw new UsageError(`there is no package (*.deb) below ${prefix}`);
  const packages: Package[] = [];
  const shown = display('packages');
  const totals = { totalFiles: found.length, totalBytes: found.reduce((sum, { size }) => sum + size, 0) };
  let bytes = 0;
  for (const { name, digest, size } of found) {
    const text = known.get(digest) ?? (await files.file(name, digest, (path) => readControl(path, name)));
    const path = name.slice(root.length + 1);
    packages.push({ path, size, sha256: digest, control: checkedControl(text, name) });
    bytes += size;
    shown.update({ files: packages.length, bytes, ...totals });
  }
  shown.end();
  return packages;
}

async function readText(path: string): Promise<string> {
  const { size } = await stat(path);
  if (size > mostBytes) throw new Error(`${path}: more than ${mostBytes} bytes`);
  return readFile(path, 'utf8');
}

// dpkg-deb knows all forms that packages have had.
async function readControl(path: string, name: string): Promise<string> {
  try {
    const { stdout } = await run('dpkg-deb', ['--field', path], { maxBuffer: mostBytes });
    return stdout;
  } catch (cause) {
    throw new Error(`${name}: ${whyNot(cause, 'dpkg-deb', 'dpkg')}`, { cause });
  }
}

/** The Release file and its signatures, in the order in which clients may have them. */
async function signedForms(
  release: string,
  folder: string,
  { signWith, gpgHome }: Options,
): Promise<[string, string][]> {
  if (signWith === undefined) return [['Release', release]];
  const path = join(folder, 'Release');
  await naming(path, () => writeFile(path, release));
  const home = gpgHome === undefined ? [] : ['--homedir', gpgHome];
  const sign = async (...how: string[]) => {
    const args = [...home, '--batch', '--local-user', signWith, '--output', '-', ...how, path];
    const { stdout } = await run('gpg', args, { maxBuffer: mostBytes }).catch((cause) => {
      throw new Error(`the Release file cannot be signed: ${whyNot(cause, 'gpg', 'gnupg')}`, { cause });
    });
    return stdout;
  };
  const detached = await sign('--armor', '--detach-sign');
  const inline = await sign('--clearsign');
  return [
    ['Release.gpg', detached],
    ['Release', release],
    ['InRelease', inline],
  ];
}

function whyNot(cause: unknown, program: string, debianPackage: string): string {
  const { code, stderr } = cause as NodeJS.ErrnoException & { stderr?: string };
  if (code === 'ENOENT') return `${program} is needed, which Debian has in the package ${debianPackage}`;
  return stderr?.trim().split('\n').join('; ') || (cause as Error).message;
}
