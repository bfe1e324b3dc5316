// The servers that the benchmark compares, each on a free loopback port and pinned to one core, each serving
// the files of one folder over TLS 1.3 with AES-128-GCM.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';

export interface Server {
  name: string;
  /** Throws when the server is not running. */
  pid(): number;
  /** URL of one of the files. */
  url(file: string): string;
  stop(): Promise<void>;
}

/** What all servers are given. Paths are absolute. */
export interface Setup {
  core: number;
  /** Every connection goes by kernel TLS, where the server can. */
  ktls?: boolean;
  /** Scratch folder that the caller removes. */
  work: string;
  files: string;
  certificate: string;
  key: string;
}

const cipherSuite = 'TLS_AES_128_GCM_SHA256';
const startTimeoutMs = 30_000;

/** An empty folder for the files, and a certificate. */
export function makeSetup(work: string, core: number): Setup {
  const files = `${work}/files`;
  const setup = { core, work, files, certificate: `${work}/certificate.pem`, key: `${work}/key.pem` };
  mkdirSync(files);
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', setup.key];
  execFileSync('openssl', ['req', '-x509', ...key, '-out', setup.certificate, ...subject], { stdio: 'pipe' });
  return setup;
}

/** The bare loop of floor.cc serves one file only. */
export async function startFloor(setup: Setup, file: string): Promise<Server> {
  const command = ['build/bench/floor', setup.certificate, setup.key, `${setup.files}/${file}`];
  const child = startPinned(setup.core, command);
  const port = await lineWith(child, /^listening (\d+)$/);
  return serverOf('floor', child, () => `https://127.0.0.1:${port}/`);
}

export async function startNginx(setup: Setup): Promise<Server> {
  const executable = execFileSync('test/bench/nginx.sh', { encoding: 'utf8' }).trim();
  const port = await freePort();
  const config = `${setup.work}/nginx.conf`;
  writeFileSync(config, nginxConfig(setup, port));
  const child = startPinned(setup.core, [executable, '-p', setup.work, '-c', config, '-e', 'stderr']);
  await accepting(port, child);
  return serverOf('nginx', child, (file) => `https://127.0.0.1:${port}/${file}`);
}

/** Through the command line that operators use: init, import, serve. */
export async function startSealgate(setup: Setup): Promise<Server> {
  const home = `${setup.work}/sealgate`;
  const config = `${home}/sealgate.json`;
  const sealgate = (...args: string[]) =>
    execFileSync('node', ['dist/src/cli.js', ...args], { stdio: 'pipe' });
  sealgate('init', home);
  const settings = JSON.parse(readFileSync(config, 'utf8'));
  settings.tls = {
    ...settings.tls,
    certificate: setup.certificate,
    key: setup.key,
    cipherSuites: cipherSuite,
  };
  settings.log = { level: 'warn' };
  if (setup.ktls) settings.ktls = { mode: 'require', minBytes: 0 };
  writeFileSync(config, JSON.stringify(settings));
  sealgate('import', setup.files, '--config', config, '--bucket', 'files');
  const listen = ['--listen', 'https://127.0.0.1:0', '--workers', '1'];
  const child = startPinned(setup.core, ['node', 'dist/src/cli.js', 'serve', '--config', config, ...listen]);
  const origin = await lineWith(child, /^listening (https:\S+)$/);
  return serverOf('sealgate', child, (file) => `${origin}/o/files/${file}`);
}

function nginxConfig(setup: Setup, port: number): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
    daemon off; worker_processes 1; user root; pid ${setup.work}/nginx.pid; error_log stderr error;
    events { worker_connections 16384; }
    http {
      ${temporary.map((name) => `${name}_temp_path ${setup.work}/nginx-${name};`).join(' ')}
      access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;
      open_file_cache max=1000; open_file_cache_valid 3600s;
      server {
        listen 127.0.0.1:${port} ssl backlog=512; root ${setup.files};
        ssl_certificate ${setup.certificate}; ssl_certificate_key ${setup.key};
        ssl_protocols TLSv1.3; ssl_conf_command Ciphersuites ${cipherSuite};
        ${setup.ktls ? 'ssl_conf_command Options KTLS;' : ''} keepalive_timeout 3600s;
        add_header Cache-Control "public, max-age=31536000, immutable";
      }
    }`;
}

function startPinned(core: number, command: string[]): ChildProcess {
  const child = spawn('taskset', ['-c', `${core}`, ...command], { stdio: ['ignore', 'pipe', 'inherit'] });
  process.once('exit', () => child.kill('SIGKILL'));
  return child;
}

function serverOf(name: string, child: ChildProcess, url: (file: string) => string): Server {
  const running = () => child.pid !== undefined && child.exitCode === null && child.signalCode === null;
  const pid = () => {
    if (child.pid === undefined || !running())
      throw new Error(`${name}: ended by itself; see its messages above`);
    return child.pid;
  };
  const stop = async () => {
    if (!running()) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  };
  return { name, pid, url, stop };
}

/** The first capture of the first line of the child's output that matches. */
async function lineWith(child: ChildProcess, pattern: RegExp): Promise<string> {
  if (!child.stdout) throw new Error('the child has no output to read');
  const lines = createInterface({ input: child.stdout });
  const deadline = setTimeout(() => lines.close(), startTimeoutMs);
  for await (const line of lines) {
    const found = pattern.exec(line)?.[1];
    if (found === undefined) continue;
    clearTimeout(deadline);
    child.stdout.resume();
    return found;
  }
  throw new Error(`${child.spawnargs.join(' ')}: printed no line like ${pattern} in ${startTimeoutMs} ms`);
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no TCP port is free');
  return address.port;
}

async function accepting(port: number, child: ChildProcess): Promise<void> {
  for (const end = Date.now() + startTimeoutMs; Date.now() < end && child.exitCode === null; ) {
    const socket = connect(port, '127.0.0.1');
    const open = await Promise.race([once(socket, 'connect').then(() => true), once(socket, 'close')]).catch(
      () => false,
    );
    socket.destroy();
    if (open === true) return;
    await new Promise((again) => setTimeout(again, 20));
  }
  throw new Error(`${child.spawnargs.join(' ')}: does not accept on port ${port}`);
}
