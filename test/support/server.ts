// A real server for tests: `sealgate serve` as a child process on a free loopback port, and curl to talk
// to it.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { outcome, runCli, spawnCli, text } from './runtime.ts';

/** Milliseconds. */
const startTimeout = 30_000;
const stopTimeout = 20_000;

/** A directory made by `sealgate init`. */
export interface Site {
  dir: string;
  config: string;
  certificate: string;
  /** Allows every write. */
  token: string;
  /** Its settings say where it listens. */
  listens?: boolean;
  remove(): Promise<void>;
}

/**
 * Without a scrubber, which would find what a test damages.
 * @param settings what the configuration has besides what `init` writes.
 */
export async function createSite(settings: Record<string, unknown> = {}): Promise<Site> {
  const dir = await mkdtemp(join(process.env.SEALGATE_TEST_DIR ?? tmpdir(), 'sealgate-test-'));
  const token = /sgt_[\w-]+/.exec(await runCli('init', dir))?.[0];
  if (token === undefined) throw new Error('init printed no token');
  const config = join(dir, 'sealgate.json');
  const written = JSON.parse(await readFile(config, 'utf8'));
  await writeFile(config, JSON.stringify({ ...written, scrub: { periodDays: 0 }, ...settings }));
  return {
    dir,
    config,
    certificate: join(dir, 'tls', 'certificate.pem'),
    token,
    listens: 'listeners' in settings,
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}

export interface Response {
  status: number;
  /** Field names in lower case; the last of several lines wins. */
  headers: Map<string, string>;
  body: Buffer;
}

/** A port that nobody listens on, for what has to know it before the server says it. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '::', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

export class TestServer {
  readonly url: string;
  /** The address of every listener; `url` is that of the first. */
  readonly urls: string[];
  readonly control: string | undefined;
  readonly pid: number;
  /** What the server has logged so far. */
  readonly log: () => string;
  readonly #site: Site;
  readonly #child: ChildProcess;

  private constructor(site: Site, child: ChildProcess, log: () => string, addresses: Addresses) {
    this.#site = site;
    this.#child = child;
    this.log = log;
    this.url = addresses.urls[0] ?? '';
    this.urls = addresses.urls;
    this.control = addresses.control;
    this.pid = child.pid ?? 0;
  }

  /** Resolves when the server accepts. Further arguments are `serve`'s. */
  static start(site: Site, ...args: string[]): Promise<TestServer> {
    return TestServer.begin(site, ...args).started;
  }

  /** A server that starts, with what it logs meanwhile. */
  static begin(site: Site, ...args: string[]): { started: Promise<TestServer>; log: () => string } {
    const isSaid = site.listens || args.includes('--listen');
    const listen = isSaid ? [] : ['--listen', 'https://127.0.0.1:0'];
    const all = ['serve', '--config', site.config, ...listen, '--control', 'http://127.0.0.1:0', ...args];
    const child = spawnCli(all, { stdio: ['ignore', 'pipe', 'pipe'] });
    const log = text(child.stderr);
    const started = addresses(child).then(
      (all) => new TestServer(site, child, log, all),
      (cause) => {
        child.kill('SIGKILL');
        throw new Error(`serve did not start: ${(cause as Error).message}\n${log()}`, { cause });
      },
    );
    return { started, log };
  }

  /**
   * Ends the server in order and resolves with its exit status, or with the signal that ended it; cuts it
   * when it does not end in time.
   */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals> {
    const ended = this.#child.exitCode ?? this.#child.signalCode;
    if (ended !== null) return ended;
    const exit = once(this.#child, 'exit');
    // Not child.kill(): Deno takes a signal that it sent for the one that ended the child.
    process.kill(this.pid, signal);
    const late = setTimeout(() => process.kill(this.pid, 'SIGKILL'), stopTimeout);
    const [status, by] = await exit;
    clearTimeout(late);
    return status ?? by;
  }

  /** Resolves with the exit status, or the signal, of a server that ends by itself. */
  async ended(): Promise<number | NodeJS.Signals> {
    const ended = this.#child.exitCode ?? this.#child.signalCode;
    if (ended !== null) return ended;
    const [status, by] = await once(this.#child, 'exit', { signal: AbortSignal.timeout(stopTimeout) });
    return status ?? by;
  }

  /** One request by curl. @param path what follows the origin. */
  async curl(path: string, ...args: string[]): Promise<Response> {
    const dir = await mkdtemp(join(this.#site.dir, 'curl-'));
    const [head, body] = [join(dir, 'head'), join(dir, 'body')];
    const trust = ['--cacert', this.#site.certificate];
    const quiet = ['-sS', '--http1.1', '--path-as-is', '--max-time', '120', '-D', head, '-o', body];
    const child = spawn('curl', [...quiet, ...trust, ...args, this.url + path]);
    const { status, stderr } = await outcome(child);
    if (status !== 0) throw new Error(`curl ${path} ended with ${status}: ${stderr}`);
    return {
      ...parseHead(await readFile(head, 'latin1')),
      body: await readFile(body).catch(() => Buffer.alloc(0)),
    };
  }

  /** PUT with the site's token. */
  put(path: string, file: string, ...args: string[]): Promise<Response> {
    return this.curl(path, '-T', file, '-H', `Authorization: Bearer ${this.#site.token}`, ...args);
  }

  /**
   * The sum of a metric's series with these labels, as `sealgate_sent_bytes_total{delivery="tls-send"}`.
   * Rejects where the server has no such metric: its sum would be 0 whatever happens.
   */
  async metric(wanted: string): Promise<number> {
    const exposition = await (await fetch(`${this.control}/metrics`)).text();
    const [, name = '', labels = ''] = /^(\w+)(?:\{(.*)\})?$/.exec(wanted) ?? [];
    const family = name.replace(/_(?:total|count|sum|bucket)$/, '');
    const isThere = [name, family].some((each) => exposition.includes(`# TYPE ${each} `));
    if (!isThere) throw new Error(`the server has no metric ${name}`);
    const pairs = labels === '' ? [] : labels.split(',');
    return exposition
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .filter((line) => pairs.every((pair) => line.includes(pair)))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }
}

interface Addresses {
  urls: string[];
  control: string | undefined;
}

// The lines that `serve` prints once it accepts: its listeners, and last the control address.
async function addresses(child: ChildProcess): Promise<Addresses> {
  if (!child.stdout) throw new Error('no standard output');
  const lines = createInterface({ input: child.stdout });
  const late = setTimeout(() => lines.close(), startTimeout);
  const urls: string[] = [];
  let control: string | undefined;
  for await (const line of lines) {
    const [, what, where] = /^(listening|control) (\S+)$/.exec(line) ?? [];
    if (what === 'listening' && where !== undefined) urls.push(where);
    if (what === 'control') control = where;
    if (control !== undefined) break;
  }
  clearTimeout(late);
  if (urls.length === 0) throw new Error('it printed no address');
  child.stdout.resume();
  return { urls, control };
}

/** The last of several heads: interim responses (RFC 9110 15.2) come before it. */
export function parseHead(heads: string): Pick<Response, 'status' | 'headers'> {
  const [statusLine = '', ...lines] = heads.trimEnd().split('\r\n\r\n').at(-1)?.split('\r\n') ?? [];
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const [name, value] = [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    // RFC 9110 5.3
    headers.set(name, headers.has(name) ? `${headers.get(name)}, ${value}` : value);
  }
  return { status: Number(statusLine.split(' ')[1]), headers };
}
