// What a build cache costs beside the objects of the same server: processor time of the server for a request,
// in one run. `make builds` runs it.

import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { digestOf, file, message } from '../support/action_results.ts';
import { sha256, TestCache } from '../support/bazel.ts';

// So many that one worker keeps a plan for each.
const count = 1000;
const filesOfResult = 10;
const cache = await TestCache.start({}, { sentinel: { intervalSeconds: 0 } });
const agent = new Agent({ keepAlive: true, maxSockets: 8 });
const authorization = `Bearer ${cache.site.token}`;

function ask(method: string, path: string, body?: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { authorization, ...(body && { 'content-length': body.length }) };
    const sent = request(cache.plain.replace('/bazel', path), { method, headers, agent }, (response) => {
      response.resume();
      const { statusCode = 0 } = response;
      if (statusCode > 299) reject(new Error(`${method} ${path} was answered ${statusCode}`));
      response.on('end', resolve);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Microseconds of the processor that the server has used. */
async function used(): Promise<number> {
  const tasks = `/proc/${cache.server.pid}/task`;
  const threads = (await readdir(tasks)).map((each) => readFile(`${tasks}/${each}/schedstat`, 'utf8'));
  return (await Promise.all(threads)).reduce((sum, text) => sum + Number(text.split(' ', 1)) / 1000, 0);
}

/** @param of a request, by its number. @returns microseconds of the server for each. */
async function cost(what: string, of: (index: number) => Promise<void>, times = count): Promise<number> {
  const [before, begun] = [await used(), performance.now()];
  let next = 0;
  const worker = async () => {
    while (next < times) await of(next++ % count);
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  const each = ((await used()) - before) / times;
  const rate = times / ((performance.now() - begun) / 1000);
  process.stdout.write(
    `${what.padEnd(48)} ${each.toFixed(0).padStart(6)} us CPU ${rate.toFixed(0).padStart(6)}/s\n`,
  );
  return each;
}

function ratio(what: string, its: number, others: number): void {
  process.stdout.write(`  = ${(its / others).toFixed(2)} of ${what}\n`);
}

const blobs = Array.from({ length: count }, () => randomBytes(10_000));
const names = blobs.map(sha256);
const results = blobs.map((_, index) =>
  message(
    ...Array.from({ length: filesOfResult }, (_none, at) =>
      file(
        `bazel-out/k8-fastbuild/bin/some/package/file${at}.o`,
        digestOf(blobs[(index + at) % count] ?? ''),
      ),
    ),
  ),
);
const blob = (index: number) => blobs[index] ?? Buffer.alloc(0);
const result = (index: number) => results[index] ?? new Uint8Array();
const get = (path: (index: number) => string) => (index: number) => ask('GET', path(index));
const cas = (index: number) => `/bazel/cas/${names[index]}`;
const ac = (index: number) => `/bazel/ac/${names[index]}`;
const object = (index: number) => `/store/o/builds/plain/${names[index]}`;
const put = (path: (index: number) => string, body: (index: number) => Uint8Array) => (index: number) =>
  ask('PUT', path(index), body(index));

await cost('warm-up', (index) => ask('PUT', `/store/o/builds/warm/${index}`, randomBytes(10_000)));
const objectNew = await cost(
  'PUT of a new object, 10 KB',
  put(object, () => randomBytes(10_000)),
);
ratio('a new object', await cost('PUT of a new blob, 10 KB', put(cas, blob)), objectNew);
const objectAgain = await cost('PUT of an object with the same bytes', (index) =>
  ask('PUT', `/store/o/builds/cas/${names[index]}`, blob(index)),
);
ratio('an object again', await cost('PUT of a blob that is there', put(cas, blob)), objectAgain);
ratio('a new object', await cost(`PUT of a result with ${filesOfResult} files`, put(ac, result)), objectNew);
const objectFirst = await cost('GET of an object, the first time', get(object));
ratio('an object, first', await cost('GET of a blob, the first time', get(cas)), objectFirst);
ratio('an object, first', await cost('GET of a result, the first time', get(ac)), objectFirst);
// Another result in place of one: no plan of the bucket counts any more.
await ask('PUT', ac(0), result(1));
ratio('an object, first', await cost('GET of a result that is remembered', get(ac)), objectFirst);
for (const [what, path] of [
  ['an object', object],
  ['a blob', cas],
  ['a result', ac],
] as const)
  await cost(`GET of ${what}, for a plan`, get(path));
const objectKept = await cost('GET of an object by its plan', get(object), 5 * count);
ratio('an object by its plan', await cost('GET of a blob by its plan', get(cas), 5 * count), objectKept);
ratio('an object by its plan', await cost('GET of a result by its plan', get(ac), 5 * count), objectKept);
agent.destroy();
await cache.stop();
