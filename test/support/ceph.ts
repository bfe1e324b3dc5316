// A real Ceph on loopback, in memory: one monitor, one OSD, and gateways that speak S3. It is there in about
// a second, and gone with `end`.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { signedFields } from '../../src/upstream/signature.ts';
import { until } from './wait.ts';

const run = promisify(execFile);

export const s3Keys = { region: 'default', accessKey: 'SEALACCESS', secretKey: 'SEALSECRET' };

function settings(dir: string, fsid: string, monitor: number): string {
  return `[global]
fsid = ${fsid}
mon host = v1:127.0.0.1:${monitor}
ms bind msgr2 = false
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
keyring = ${dir}/keyring
run dir = ${dir}
admin socket = ${dir}/$name.asok
log file = ${dir}/$name.log
mon data = ${dir}/mon
osd data = ${dir}/osd
osd objectstore = memstore
memstore device bytes = 2147483648
paxos propose interval = 0.02
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon data avail crit = 1
`;
}

/** A free port that no connection is made from meanwhile: Linux takes those from 32768 on for that. */
async function stablePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_000);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    await new Promise((resolve) => server.close(resolve));
    if (isFree) return port;
  }
}

interface Answer {
  status: number;
  etag: string | undefined;
  body: string;
}

export class Ceph {
  readonly #dir: string;
  readonly #daemons = new Map<string, ChildProcess>();
  readonly #ports: number[] = [];
  #isStarting = true;

  private constructor(dir: string) {
    this.#dir = dir;
  }

  /** With a user, and a bucket `sealgate`. */
  static async start(gateways = 1): Promise<Ceph> {
    const dir = await mkdtemp(join(process.env.SEALGATE_TEST_DIR ?? tmpdir(), 'sealgate-ceph-'));
    const ceph = new Ceph(dir);
    try {
      await ceph.#make();
      for (let index = 0; index < gateways; index++) {
        ceph.#ports.push(await stablePort());
        await ceph.startGateway(index);
      }
      await ceph.#tool('radosgw-admin', 'user', 'create', '--uid=seal', '--display-name=seal', ...keyFlags);
      const { status } = await ceph.ask('PUT', '');
      if (status !== 200) throw new Error(`the bucket was not made: ${status}`);
      ceph.#isStarting = false;
      return ceph;
    } catch (cause) {
      await ceph.end();
      throw cause;
    }
  }

  async #make(): Promise<void> {
    const dir = this.#dir;
    const monitor = await stablePort();
    const [fsid, osd] = [crypto.randomUUID(), crypto.randomUUID()];
    const at = (name: string) => join(dir, name);
    await writeFile(at('ceph.conf'), settings(dir, fsid, monitor));
    await Promise.all([mkdir(at('mon')), mkdir(at('osd'))]);
    const keyring = at('keyring');
    await run('ceph-authtool', [
      keyring,
      ...'--create-keyring --gen-key -n mon. --cap mon'.split(' '),
      'allow *',
    ]);
    const address = `v1:127.0.0.1:${monitor}`;
    await run('monmaptool', ['--create', '--addv', 'a', address, '--fsid', fsid, at('monmap')]);
    await this.#tool('ceph-mon', '-i', 'a', '--mkfs', '--monmap', at('monmap'), '--keyring', keyring);
    this.#begin('mon', 'ceph-mon', '-i', 'a');
    await until(
      () =>
        this.#tool('ceph', '--connect-timeout', '30', 'osd', 'new', osd).then(
          () => true,
          (error: Error) => {
            // A monitor that has just begun may answer before it knows who may ask.
            if (error.message.includes('EPERM')) return false;
            throw error;
          },
        ),
      (isTaken) => isTaken,
      'the monitor takes an OSD',
    );
    await this.#tool('ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', osd);
    this.#beginOsd();
  }

  // On a busy machine it may ask the monitor before it has the monitor's map, and ends with "wrong fsid".
  #beginOsd(): void {
    this.#begin('osd', 'ceph-osd', '-i', '0');
    this.#daemons.get('osd')?.once('exit', () => {
      if (this.#isStarting) this.#beginOsd();
    });
  }

  #tool(program: string, ...args: string[]): Promise<unknown> {
    return run(program, ['-c', join(this.#dir, 'ceph.conf'), ...args], { timeout: 60_000 });
  }

  #begin(name: string, program: string, ...args: string[]): void {
    const conf = join(this.#dir, 'ceph.conf');
    this.#daemons.set(name, spawn(program, ['-f', '-c', conf, ...args], { stdio: 'ignore' }));
  }

  /** Resolves when it answers. */
  async startGateway(index = 0): Promise<void> {
    const frontend = `--rgw-frontends=beast endpoint=127.0.0.1:${this.#ports[index]} tcp_nodelay=1`;
    const name = `rgw${index}`;
    this.#begin(name, 'radosgw', '-n', `client.rgw.${index}`, frontend);
    const state = () =>
      this.#isGone(name)
        ? 'gone'
        : fetch(this.url(index)).then(
            ({ ok }) => (ok ? 'answers' : 'fails'),
            () => 'silent',
          );
    const is = await until(state, (is) => is === 'answers' || is === 'gone', 'the gateway');
    if (is === 'gone') throw new Error(`the gateway ended: ${await this.#log(`client.rgw.${index}`)}`);
  }

  #isGone(name: string): boolean {
    const { exitCode = 0, signalCode = null } = this.#daemons.get(name) ?? {};
    return exitCode !== null || signalCode !== null;
  }

  async #log(name: string): Promise<string> {
    return (await readFile(join(this.#dir, `${name}.log`), 'utf8')).slice(-2000);
  }

  stopGateway(index = 0): Promise<void> {
    return this.#stop(`rgw${index}`, 'SIGKILL');
  }

  /** From now on requests are taken and hang. */
  freeze(): void {
    this.#signal('osd', 'SIGSTOP');
  }

  thaw(): void {
    this.#signal('osd', 'SIGCONT');
  }

  url(gateway = 0): string {
    return `http://127.0.0.1:${this.#ports[gateway]}/`;
  }

  /** One signed request for a key of the bucket. */
  async ask(method: string, key: string, body = ''): Promise<Answer> {
    const url = new URL(`${this.url()}sealgate${key === '' ? '' : `/${key}`}`);
    const fields = await signedFields(
      method,
      url,
      { 'content-length': `${Buffer.byteLength(body)}` },
      s3Keys,
    );
    const asked = request(url, { method, headers: fields, agent: false });
    asked.end(body);
    const [response] = await once(asked, 'response');
    let text = '';
    for await (const piece of response) text += piece;
    return { status: response.statusCode, etag: response.headers.etag, body: text };
  }

  #signal(name: string, signal: NodeJS.Signals): void {
    const { pid } = this.#daemons.get(name) ?? {};
    // Not child.kill(): Deno takes a signal that it sent for the one that ended the child.
    if (pid !== undefined && !this.#isGone(name)) process.kill(pid, signal);
  }

  async #stop(name: string, signal: NodeJS.Signals): Promise<void> {
    const daemon = this.#daemons.get(name);
    if (!daemon || this.#isGone(name)) return;
    const gone = once(daemon, 'exit');
    this.#signal(name, signal);
    await gone;
  }

  async end(): Promise<void> {
    this.#isStarting = false;
    for (const name of [...this.#daemons.keys()].reverse()) await this.#stop(name, 'SIGKILL');
    await rm(this.#dir, { recursive: true, force: true });
  }
}

const keyFlags = [`--access-key=${s3Keys.accessKey}`, `--secret-key=${s3Keys.secretKey}`];
