// Registry push: blobs of 1 GiB, hashed and synced when they are answered, pushed to Sealgate and to Debian's
// docker-registry in turns. As skopeo does: a request that begins, a PATCH without a length, and a PUT that
// says the digest, on a connection each; or all bytes in the PUT.

import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readdirSync, rmSync, statSync, writeSync } from 'node:fs';
import type { Context } from '../context.ts';
import { makePagesFree } from '../evict.ts';
import { type Contender, costRow, interleave, perGiB } from '../measure.ts';
import { runPinned } from '../processes.ts';
import { type Registry, repository, withRegistries } from '../registries.ts';
import type { Row } from '../results.ts';
import { cipherSuite, clientCore, GiB, KiB, makeFile } from '../site.ts';
import type { Scenario } from './scenario.ts';

const name = 'registry push';
const mostRounds = 3;

export const registryPush: Scenario = {
  name,
  about: 'push of a blob of 1 GiB, TLS 1.3, other bytes each time: by PATCH without a length, or by PUT',
  usual: false,
  sizes: [],
  run: (context) =>
    withRegistries(context, { name, layerBytes: KiB }, ({ site, sealgate, peer }) => {
      const source = `${site.work}/source.bin`;
      makeFile(source, GiB);
      return run(context, source, [sealgate, peer]);
    }),
};

async function run(context: Context, source: string, registries: Registry[]): Promise<Row[]> {
  const contenders = registries.flatMap((registry) => [
    contender(`${registry.name}, PATCH`, registry, source, pushByPatch),
    contender(`${registry.name}, PUT`, registry, source, pushByPut),
  ]);
  const rounds = Math.min(context.settings.rounds, mostRounds);
  const say = (round: number) => context.say(`${name}: round ${round} of ${rounds}`);
  const measured = await interleave(contenders, rounds, say);
  // A server that waits for the disk does not work: its CPU counts all the same.
  return measured.map((each) => costRow(name, each, { saturated: false, unit: perGiB }));
}

type Push = (registry: Registry, source: string, digest: string) => Promise<void>;

function contender(row: string, registry: Registry, source: string, push: Push): Contender {
  let digest = '';
  const before = async () => {
    changeStart(source);
    await makePagesFree(`${source}.pages`);
    const said = await runPinned(clientCore, ['openssl', 'dgst', '-sha256', '-r', source]);
    digest = `sha256:${said.slice(0, 64)}`;
  };
  const run = async () => {
    await push(registry, source, digest);
    removePushed(registry.stored);
    return { requests: 1, bytes: GiB };
  };
  return { name: row, pid: registry.pid, before, run };
}

async function pushByPatch(registry: Registry, source: string, digest: string): Promise<void> {
  const begun = await begin(registry);
  const body = ['-X', 'PATCH', '-T', source, '-H', 'Transfer-Encoding: chunked', '-H', 'Expect:'];
  const at = await ask(registry, begun, ...body);
  await ask(registry, ending(at, digest), '-X', 'PUT', '-H', 'Content-Length: 0');
}

async function pushByPut(registry: Registry, source: string, digest: string): Promise<void> {
  await ask(registry, ending(await begin(registry), digest), '-T', source, '-H', 'Expect:');
}

function begin(registry: Registry): Promise<string> {
  const { port, path } = registry.address(`${repository}/blobs/uploads/`, 'tls');
  return ask(registry, `https://127.0.0.1:${port}${path}`, '-X', 'POST', '-H', 'Content-Length: 0');
}

function ending(at: string, digest: string): string {
  const url = new URL(at);
  url.searchParams.set('digest', digest);
  return url.href;
}

/** The location that the answer says. */
async function ask({ token }: Registry, url: string, ...how: string[]): Promise<string> {
  const quiet = ['--silent', '--show-error', '--fail', '--insecure', '-o', '/dev/null', '-D', '-'];
  const type = ['-H', 'Content-Type: application/octet-stream'];
  const login = token === '' ? [] : ['-H', `Authorization: Bearer ${token}`];
  const words = [...quiet, '--tls13-ciphers', cipherSuite, ...type, ...login, ...how];
  const said = await runPinned(clientCore, ['curl', ...words, url]);
  const location = /^location: (\S+)\r$/im.exec(said)?.[1];
  if (location === undefined) throw new Error(`an answer without a location: ${said.split('\r\n')[0]}`);
  return new URL(location, url).href;
}

/** Bytes that a registry has already would be a shorter path. */
function changeStart(path: string): void {
  const file = openSync(path, 'r+');
  writeSync(file, randomBytes(8), 0, 8, 0);
  closeSync(file);
}

/** Nobody asks for it again, and 1 GiB for each push is more than a disk may have. */
function removePushed(folder: string): void {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => `${folder}/${file}`);
  const pushed = files.filter((file) => statSync(file).isFile() && statSync(file).size === GiB);
  if (pushed.length !== 1) throw new Error(`${folder}: has ${pushed.length} files of 1 GiB after a push`);
  for (const file of pushed) rmSync(file);
}
