// A small apt repository, made and signed by Debian's own tools, in memory; and apt-get with folders of its
// own.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import type { TestUpstream } from './upstream.ts';

const run = promisify(execFile);

export type Files = Map<string, Buffer>;

export interface Suite {
  /** Version of each package, by name. */
  packages: Record<string, string>;
  /** Of its Release file. */
  date: string;
  byHash?: boolean;
  /** Programs that compress its index; absent: gzip and xz, and it is there as it is, too. */
  forms?: string[];
}

/** Makes repositories that one key has signed. */
export class AptArchive {
  readonly #dir: string;
  #key = '';

  private constructor(dir: string) {
    this.#dir = dir;
  }

  static async create(dir: string): Promise<AptArchive> {
    const archive = new AptArchive(await mkdtemp(join(dir, 'archive-')));
    await mkdir(join(archive.#dir, 'gnupg'), { mode: 0o700 });
    await archive.#gpg('--passphrase', '', '--quick-generate-key', 'test', 'ed25519', 'sign', 'never');
    archive.#key = join(dir, 'archive.gpg');
    await archive.#gpg('--output', archive.#key, '--export', 'test');
    return archive;
  }

  /** The file with the public key. */
  get key(): string {
    return this.#key;
  }

  /** Where gpg has the private key, which it calls "test". */
  get home(): string {
    return join(this.#dir, 'gnupg');
  }

  async close(): Promise<void> {
    await run('gpgconf', ['--homedir', this.home, '--kill', 'all']);
  }

  #gpg(...args: string[]) {
    return run('gpg', ['--homedir', this.home, '--batch', '--yes', '--quiet', ...args]);
  }

  /** All files of the suite "stable" with the component "main" for amd64, by their names. */
  async files({ packages, date, byHash = true, forms }: Suite): Promise<Files> {
    const dir = await mkdtemp(join(this.#dir, 'repository-'));
    const folder = join(dir, 'dists/stable/main/binary-amd64');
    await mkdir(folder, { recursive: true });
    await mkdir(join(dir, 'pool/main'), { recursive: true });
    for (const [name, version] of Object.entries(packages)) await makePackage(dir, name, version);
    const { stdout: index } = await run('apt-ftparchive', ['packages', 'pool'], { cwd: dir });
    await writeFile(join(folder, 'Packages'), index);
    for (const form of forms ?? ['gzip', 'xz']) await run(form, ['-k', 'Packages'], { cwd: folder });
    if (forms) await rm(join(folder, 'Packages'));
    await this.#release(dir, date, byHash);
    if (byHash) await copyByHash(folder);
    const files = await filesOf(dir);
    await rm(dir, { recursive: true });
    return files;
  }

  async #release(dir: string, date: string, byHash: boolean): Promise<void> {
    const said = { Origin: 'test', Suite: 'stable', Codename: 'stable', Architectures: 'amd64' };
    const fields = Object.entries({ ...said, Components: 'main' });
    const options = fields.flatMap(([name, value]) => ['-o', `APT::FTPArchive::Release::${name}=${value}`]);
    const suite = join(dir, 'dists/stable');
    const { stdout } = await run('apt-ftparchive', [...options, 'release', 'dists/stable'], { cwd: dir });
    const dated = stdout.replace(/^Date: .*$/m, `Date: ${date}${byHash ? '\nAcquire-By-Hash: yes' : ''}`);
    const release = join(suite, 'Release');
    await writeFile(release, dated);
    await this.#gpg('--local-user', 'test', '--output', join(suite, 'InRelease'), '--clearsign', release);
    const signature = join(suite, 'Release.gpg');
    await this.#gpg('--local-user', 'test', '--output', signature, '--armor', '--detach-sign', release);
  }
}

/** Resolves with the file, in `pool/main/` below the folder. @param form as dpkg-deb -Z calls it. */
export async function makePackage(
  dir: string,
  name: string,
  version: string,
  { form = 'xz', architecture = 'amd64' } = {},
): Promise<string> {
  const root = await mkdtemp(join(dir, 'package-'));
  await mkdir(join(root, 'DEBIAN'));
  await mkdir(join(root, 'usr/share', name), { recursive: true });
  await writeFile(join(root, 'usr/share', name, 'version'), version.repeat(1000));
  const fields = [`Package: ${name}`, `Version: ${version}`, `Architecture: ${architecture}`];
  const control = [...fields, 'Maintainer: test <test@example.com>', 'Description: test', ''];
  await writeFile(join(root, 'DEBIAN/control'), control.join('\n'));
  const file = join(dir, 'pool/main', `${name}_${version.replace(/^\d+:/, '')}_${architecture}.deb`);
  await mkdir(join(dir, 'pool/main'), { recursive: true });
  await run('dpkg-deb', ['--root-owner-group', `-Z${form}`, '--build', root, file]);
  await rm(root, { recursive: true });
  return file;
}

async function copyByHash(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const bytes = await readFile(join(folder, name));
    for (const [named, hash] of Object.entries({ SHA256: 'sha256', SHA512: 'sha512', MD5Sum: 'md5' })) {
      const to = join(folder, 'by-hash', named);
      await mkdir(to, { recursive: true });
      await cp(join(folder, name), join(to, createHash(hash).update(bytes).digest('hex')));
    }
  }
}

async function filesOf(dir: string): Promise<Files> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const files: Files = new Map();
  for (const entry of entries.filter((each) => each.isFile())) {
    const path = join(entry.parentPath, entry.name);
    files.set(relative(dir, path), await readFile(path));
  }
  return files;
}

/** What an upstream has; `modified` is what it says of all files. */
export interface Served {
  files: Files;
  modified: Date;
}

/** Answers as a server of files does, with Last-Modified and no ETag. */
export function serveFiles(served: Served): TestUpstream['answer'] {
  return (request, response) => {
    const body = served.files.get(decodeURIComponent(request.url ?? '').slice(1));
    if (!body) return void response.writeHead(404).end();
    const modified = served.modified.toUTCString();
    response.setHeader('Last-Modified', modified);
    const isSame = request.headers['if-modified-since'] === modified;
    if (isSame) response.writeHead(304).end();
    else response.writeHead(200, { 'Content-Length': body.length }).end(body);
  };
}

/** apt-get as a machine has it whose only source is `line`, with nothing of the machine that it runs on. */
export class AptClient {
  readonly dir: string;
  readonly #options: string[];

  private constructor(dir: string, certificate: string) {
    this.dir = dir;
    const options = {
      Dir: dir,
      'Dir::State::status': join(dir, 'status'),
      'Dir::Etc::main': '/dev/null',
      'Dir::Etc::parts': '/dev/null',
      'Dir::Etc::sourceparts': '/dev/null',
      'Dir::Etc::preferencesparts': '/dev/null',
      'Dir::Etc::trustedparts': '/dev/null',
      'Dir::Bin::methods': '/usr/lib/apt/methods',
      'Dir::Bin::dpkg': '/usr/bin/dpkg',
      'APT::Architecture': 'amd64',
      'APT::Architectures': 'amd64',
      'APT::Sandbox::User': '',
      'Acquire::Languages': 'none',
      'Acquire::Retries': '0',
      'Acquire::https::CAInfo': certificate,
    };
    this.#options = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  }

  static async create(parent: string, line: string, certificate: string): Promise<AptClient> {
    const dir = await mkdtemp(join(parent, 'apt-'));
    for (const folder of ['etc/apt', 'var/lib/apt/lists/partial', 'var/cache/apt/archives/partial'])
      await mkdir(join(dir, folder), { recursive: true });
    await writeFile(join(dir, 'status'), '');
    await writeFile(join(dir, 'etc/apt/sources.list'), `${line}\n`);
    return new AptClient(dir, certificate);
  }

  /** Rejects with what apt-get wrote when it ends with an error. */
  async run(...args: string[]): Promise<string> {
    const env = { ...process.env, APT_CONFIG: '/dev/null', LC_ALL: 'C', http_proxy: '', https_proxy: '' };
    // A warning is an update that did not take place in full.
    const strict = ['-o', 'APT::Update::Error-Mode=any', '-y', '-q'];
    const { stdout, stderr } = await run('apt-get', [...this.#options, ...strict, ...args], { env });
    return stdout + stderr;
  }

  update(): Promise<string> {
    return this.run('update');
  }

  /** Downloads packages. Resolves with the names of all files that have been downloaded so far. */
  async download(...packages: string[]): Promise<string[]> {
    await this.run('install', '--download-only', ...packages);
    const names = await readdir(join(this.dir, 'var/cache/apt/archives'));
    return names.filter((name) => name.endsWith('.deb')).sort();
  }
}
