// A crash leaves no core dump, which would contain tokens, unless --core-dumps is given. The private key is
// not in it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import { cliCommand, text } from '../../support/runtime.ts';
import { createSite } from '../../support/server.ts';
import { until } from '../../support/wait.ts';

const site = await createSite();
after(() => site.remove());
const pattern = (await readFile('/proc/sys/kernel/core_pattern', 'utf8')).trim();
const serve = ['serve', '--config', site.config, '--control', 'http://127.0.0.1:0', '--workers', '1'];
const listen = ['--listen', 'https://127.0.0.1:0'];

/** The files that a crash leaves in a server's folder, under a shell that allows core dumps. */
async function filesAfterACrash(...args: string[]): Promise<string[]> {
  const dir = await mkdtemp(join(site.dir, 'crash-'));
  const command = cliCommand([...serve, ...listen, ...args]).flat();
  const child = spawn('sh', ['-c', 'ulimit -c unlimited && exec "$@"', 'sh', ...command], { cwd: dir });
  const out = text(child.stdout);
  await until(out, (told) => told.includes('control http'), 'the server serves');
  child.kill('SIGABRT');
  const [, signal] = await once(child, 'exit');
  assert.equal(signal, 'SIGABRT');
  return (await readdir(dir)).map((name) => join(dir, name));
}

/** The indexes of the byte strings that stand in the file, read once: a core is large. */
async function found(file: string, wanted: Buffer[]): Promise<Set<number>> {
  const overlap = Math.max(...wanted.map(({ length }) => length)) - 1;
  const indexes = new Set<number>();
  let last = Buffer.alloc(0);
  for await (const piece of createReadStream(file, { highWaterMark: 4 * 1024 * 1024 })) {
    const bytes = Buffer.concat([last, piece]);
    for (const [index, each] of wanted.entries()) if (bytes.includes(each)) indexes.add(index);
    last = bytes.subarray(-overlap);
  }
  return indexes;
}

/** The lines of a PEM file that encode any of the bytes. A certificate may hold what the others encode. */
function linesWith(bytes: Buffer, pem: string): string[] {
  const lines = pem.split('\n').filter((line) => line !== '' && !line.startsWith('-----'));
  const from = Buffer.from(lines.join(''), 'base64').indexOf(bytes);
  assert.ok(from >= 0);
  let at = 0;
  return lines.filter((line) => {
    const start = at;
    at += Buffer.from(line, 'base64').length;
    return start < from + bytes.length && at > from;
  });
}

const skip = /^core\b/.test(pattern) ? false : `cores go to ${pattern} here`;

test('a crash leaves no core dump', { skip }, async () => {
  assert.deepEqual(await filesAfterACrash(), []);
});

test('a crash with --core-dumps leaves a core dump, which does not hold the private key', {
  skip,
}, async () => {
  const [core, ...others] = await filesAfterACrash('--core-dumps');
  assert.ok(core !== undefined && basename(core).startsWith('core'), `${core}`);
  assert.deepEqual(others, []);
  const pem = await readFile(join(site.dir, 'tls/key.pem'), 'utf8');
  const { d = '' } = createPrivateKey(pem).export({ format: 'jwk' });
  const number = Buffer.from(d, 'base64url');
  assert.equal(number.length, 32);
  const lines = linesWith(number, pem);
  assert.equal(lines.length, 2);
  // The certificate shows that what is searched is found. OpenSSL's numbers begin with the last byte.
  const certificate = (await readFile(site.certificate, 'utf8')).split('\n')[1];
  const texts = [`${certificate}`, ...lines].map((line) => Buffer.from(line));
  assert.deepEqual([...(await found(core, [...texts, number, Buffer.from(number).reverse()]))], [0]);
});
