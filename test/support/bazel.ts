// A build cache for tests: a real server with a site of the protocol "bazel", and what is stored in it; and
// workspaces that the real Bazel builds.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { outcome } from './runtime.ts';
import { createSite, freePort, type Response, type Site, TestServer } from './server.ts';

export function sha256(bytes: string | Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export class TestCache {
  readonly site: Site;
  readonly server: TestServer;
  /** Where it is without TLS; no slash at its end. */
  readonly plain: string;
  #files = 0;

  private constructor(site: Site, server: TestServer, plain: string) {
    this.site = site;
    this.server = server;
    this.plain = plain;
  }

  /** @param about settings of the site. @param settings of the server. */
  static async start(
    about: Record<string, unknown> = {},
    settings: Record<string, unknown> = {},
  ): Promise<TestCache> {
    const site = await createSite({
      buckets: { builds: 'versioned' },
      drain: { lameDuckSeconds: 0, graceSeconds: 1 },
      sites: [
        { path: '/bazel/', protocol: 'bazel', bucket: 'builds', ...about },
        { path: '/store/', protocol: 'objects' },
      ],
      ...settings,
    });
    const plain = `http://127.0.0.1:${await freePort()}`;
    const listen = ['--listen', 'https://127.0.0.1:0', '--listen', plain];
    const server = await TestServer.start(site, '--workers', '1', ...listen);
    return new TestCache(site, server, `${plain}/bazel`);
  }

  /** A request with the token of the site, which may write. @param path below the site. */
  ask(method: string, path: string, ...args: string[]): Promise<Response> {
    const how = method === 'HEAD' ? ['-I'] : ['-X', method];
    const token = `Authorization: Bearer ${this.site.token}`;
    return this.server.curl(`/bazel/${path}`, ...how, '-H', token, ...args);
  }

  async put(path: string, body: string | Uint8Array, ...args: string[]): Promise<Response> {
    this.#files++;
    const file = join(this.site.dir, `body-${this.#files}`);
    await writeFile(file, body);
    return this.ask('PUT', path, '--data-binary', `@${file}`, ...args);
  }

  /** Stores a blob. @returns its SHA-256. */
  async store(bytes: string | Buffer): Promise<string> {
    const hex = sha256(bytes);
    const { status, body } = await this.put(`cas/${hex}`, bytes);
    if (status !== 200 && status !== 201) throw new Error(`PUT was answered ${status}: ${body}`);
    return hex;
  }

  /** Removes a blob as an eviction would. */
  async remove(hex: string): Promise<void> {
    const path = `/store/o/builds/cas/${hex}`;
    const token = `Authorization: Bearer ${this.site.token}`;
    const { status } = await this.server.curl(path, '-X', 'DELETE', '-H', token);
    if (status !== 204) throw new Error(`DELETE was answered ${status}`);
  }

  async stop(): Promise<void> {
    await this.server.stop();
    await this.site.remove();
  }
}

/** A folder with a WORKSPACE that Bazel builds, each time in a folder of its own. */
export class Workspace {
  readonly dir: string;
  readonly #root: string;
  #builds = 0;

  private constructor(dir: string) {
    this.dir = join(dir, 'workspace');
    this.#root = join(dir, 'outputs');
  }

  /** @param files by name; a WORKSPACE comes by itself. */
  static async make(files: Record<string, string>): Promise<Workspace> {
    const made = new Workspace(
      await mkdtemp(join(process.env.SEALGATE_TEST_DIR ?? tmpdir(), 'sealgate-bazel-')),
    );
    await mkdir(made.dir);
    for (const [name, text] of Object.entries({ WORKSPACE: '', ...files }))
      await writeFile(join(made.dir, name), text);
    return made;
  }

  /** Builds everything, without anything that an earlier build has left here. */
  async buildAnew(...args: string[]): Promise<Build> {
    this.#builds++;
    const ofJvm = args.filter((each) => each.startsWith('--host_jvm_args='));
    const places = [`--output_user_root=${this.#root}`, `--output_base=${this.#root}/${this.#builds}`];
    const options = ['--batch', ...places, '--host_jvm_args=-Xmx512m', ...ofJvm];
    const quiet = ['--spawn_strategy=local', '--color=no', '--curses=no', '--show_progress_rate_limit=60'];
    const rest = args.filter((each) => !ofJvm.includes(each));
    const child = spawn('bazel', [...options, 'build', '//:all', ...quiet, ...rest], { cwd: this.dir });
    const { status, stdout, stderr } = await outcome(child);
    const [, counted = ''] = /^INFO: \d+ process(?:es)?: (.*)\.$/m.exec(stderr) ?? [];
    const ran = counted.split(', ').map((each): [string, number] => {
      const [count = '', ...what] = each.split(' ');
      return [what.join(' '), Number(count)];
    });
    return { status, ran: Object.fromEntries(ran), said: stdout + stderr };
  }

  /** What a build has made. */
  output(name: string): Promise<string> {
    return readFile(join(this.dir, 'bazel-bin', name), 'utf8');
  }

  async remove(): Promise<void> {
    // Bazel makes its folders read-only.
    await outcome(spawn('chmod', ['-R', 'u+w', join(this.dir, '..')]));
    await rm(join(this.dir, '..'), { recursive: true, force: true });
  }
}

interface Build {
  status: number | null;
  /** How many actions ran in which way, such as `remote cache hit`. */
  ran: Record<string, number>;
  said: string;
}
