// Sealgate, through the command line that operators use: init, import, serve. One worker if not told.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { lineWith, startPinned } from '../processes.ts';
import { cipherSuite, type Site, serverCore } from '../site.ts';
import { freePorts, type Ports, type Server, serverOf } from './server.ts';

export interface SealgateOptions {
  name?: string;
  workers?: number;
  /** Changes of the configuration's `limits`. */
  limits?: Record<string, number>;
  sites?: readonly object[];
  upstreams?: Record<string, object>;
  /** Kinds of buckets, besides the one for files. */
  buckets?: Record<string, string>;
  /** What is stored is not read again meanwhile, which a server does once in 30 days. */
  scrub?: false;
  /** What makeHome made, with a store that was filled; nothing is imported. */
  home?: string;
}

const program = ['node', 'dist/src/cli.js'];

/** Servers of one site share its store: one of them at a time. */
export async function startSealgate(site: Site, options: SealgateOptions = {}): Promise<Server> {
  const home = options.home ?? `${site.work}/sealgate`;
  if (!existsSync(home)) {
    makeHome(home);
    sealgate('import', site.files, '--config', `${home}/sealgate.json`, '--bucket', 'files');
  }
  const ports = await freePorts();
  const child = startPinned(serverCore, serveCommand(site, home, ports, options));
  await lineWith(child, /^control (\S+)$/);
  return serverOf(options.name ?? 'sealgate', child, (file, protocol) => ({
    port: ports[protocol],
    path: `/o/files/${file}`,
  }));
}

/** A folder with an empty store and its configuration; the write token is in `token`. */
export function makeHome(home: string): void {
  const output = sealgate('init', '--no-certificate', home);
  const token = /shown this once:\n {2}(\S+)/.exec(output)?.[1];
  if (token === undefined) throw new Error(`sealgate init: printed no token:\n${output}`);
  writeFileSync(`${home}/token`, token, { mode: 0o600 });
}

/** Writes the configuration; the command then serves it. */
export function serveCommand(site: Site, home: string, ports: Ports, options: SealgateOptions): string[] {
  const config = `${home}/sealgate.json`;
  const settings = JSON.parse(readFileSync(config, 'utf8'));
  const { certificate, key } = site;
  const changed = {
    ...settings,
    listeners: [`http://127.0.0.1:${ports.plain}`, `https://127.0.0.1:${ports.tls}`],
    control: { listen: 'http://127.0.0.1:0' },
    workers: options.workers ?? 1,
    tls: { certificate, key, cipherSuites: cipherSuite },
    ktls: site.ktls ? { mode: 'require' } : { mode: 'off' },
    ...(options.sites && { sites: options.sites }),
    ...(options.upstreams && { upstreams: options.upstreams }),
    ...(options.scrub === false && { scrub: { bytesPerSecond: 0 } }),
    buckets: { ...settings.buckets, ...options.buckets },
    limits: { idleTimeout: 3_600_000, ...options.limits },
    log: { level: 'warn' },
  };
  writeFileSync(config, JSON.stringify(changed));
  return [...program, 'serve', '--config', config];
}

function sealgate(...words: string[]): string {
  const [node = '', ...first] = program;
  return execFileSync(node, [...first, ...words], { encoding: 'utf8', stdio: 'pipe' });
}
