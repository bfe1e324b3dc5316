// Store: what opening a store, a page of a listing and a look-up cost as the names become more, and what a
// collection costs those who are answered beside it. STORE_NAMES and STORE_DEAD are exponents of ten.

import { createHash, randomInt } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { openStore } from '../../../src/store/content_store.ts';
import { StoreFormat } from '../../../src/store/format.ts';
import { Metadata } from '../../../src/store/metadata.ts';
import { maxBatch } from '../../../src/store/records.ts';
import type { Store } from '../../../src/store/store.ts';
import { blobPath } from '../../support/store.ts';
import type { Context } from '../context.ts';
import { makeFilledHome } from '../filled_store.ts';
import { LoadClient } from '../load.ts';
import { anonymousMemory } from '../memory.ts';
import { type Row, rowOfValues } from '../results.ts';
import { startSealgate } from '../servers/sealgate.ts';
import { MiB } from '../site.ts';
import { homeOf } from './growth_objects.ts';
import { compare, type Scenario } from './scenario.ts';

/** Ten million names take some 10 GB and an hour: they are asked for. */
const mostNames = Number(process.env.STORE_NAMES ?? 6);
const exponents = [4, 5, 6, 7].filter((exponent) => exponent <= mostNames);
const deadBlobs = 10 ** Number(process.env.STORE_DEAD ?? 5);

const opens = 5;
const pages = 50;
const lookUps = 20_000;
/** Look-ups of which the mean is one value. */
const lookUpsAValue = 1000;

function scenario(name: string, about: string, measure: (context: Context) => Promise<Row[]>): Scenario {
  return { name, about, usual: false, sizes: [], run: measure };
}

/** @param measure the values of one store of so many names. */
function growth(
  what: string,
  about: string,
  unit: string,
  measure: (home: string, names: number, context: Context) => Promise<number[]>,
): Scenario {
  const name = `store ${what}`;
  return scenario(name, `${about}, from stores of 10^4 to 10^${exponents.at(-1)} names`, async (context) => {
    const rows: Row[] = [];
    for (const exponent of exponents) {
      const home = await homeOf(context, exponent);
      const values = await measure(home, 10 ** exponent, context);
      rows.push(rowOfValues(name, `10^${exponent} names`, unit, values));
    }
    return rows;
  });
}

async function within(home: string, work: (store: Store) => number[]): Promise<number[]> {
  const store = await openStore({ root: `${home}/store`, readOnly: true });
  try {
    return work(store);
  } finally {
    await store.close();
  }
}

function millisecondsOf(work: () => void): number {
  const began = performance.now();
  work();
  return performance.now() - began;
}

async function openings(home: string): Promise<number[]> {
  const values: number[] = [];
  for (let round = 0; round < opens; round++) {
    const began = performance.now();
    const store = await openStore({ root: `${home}/store` });
    values.push(performance.now() - began);
    await store.close();
  }
  return values;
}

function pagesAnywhere(home: string, names: number): Promise<number[]> {
  return within(home, (store) =>
    Array.from({ length: pages }, () => {
      const after = `${randomInt(names)}.bin`;
      return millisecondsOf(() => store.list('files', { prefix: '', after, limit: 1000 }));
    }),
  );
}

function lookUpsAnywhere(home: string, names: number): Promise<number[]> {
  return within(home, (store) =>
    Array.from({ length: lookUps / lookUpsAValue }, () => {
      const milliseconds = millisecondsOf(() => {
        for (let i = 0; i < lookUpsAValue; i++) {
          const ref = store.resolve('files', `${randomInt(names)}.bin`);
          if (!ref || ref.deleted || !store.blob(ref.digest)) throw new Error('a name is not there');
        }
      });
      return (milliseconds * 1000) / lookUpsAValue;
    }),
  );
}

async function memoryOfServer(home: string, names: number, context: Context): Promise<number[]> {
  const server = await startSealgate(context.site, { home });
  try {
    const load = { connections: 16, objects: names };
    const client = await LoadClient.start(server.address('{}.bin', 'plain'), 'plain', load);
    await client.run({ requests: 100_000 });
    await client.close();
    return [anonymousMemory(server.pid()) / MiB];
  } finally {
    await server.stop();
  }
}

/** Blobs that nothing keeps, as they are when their names were collected. */
async function addDead(root: string, count: number, say: (text: string) => void): Promise<void> {
  const format = await StoreFormat.read(root, true);
  const meta = await Metadata.writer(root, { format, onNotice: () => {} });
  const bytes = Buffer.alloc(1024);
  for (let first = 0; first < count; first += maxBatch) {
    const records = Array.from({ length: Math.min(maxBatch, count - first) }, (_, index) => {
      const digest = createHash('sha256')
        .update(`dead ${first + index}`)
        .digest('hex');
      const path = blobPath(root, digest);
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      writeFileSync(path, bytes, { mode: 0o444 });
      return { table: 'blobs' as const, key: [digest, 1], value: { size: 1024, evidence: '', created: 0 } };
    });
    await meta.make(records);
    if (first % (maxBatch * 100) === 0) say(`store collection: ${first} of ${count} dead blobs written`);
  }
  await meta.close();
}

async function collection(context: Context): Promise<Row[]> {
  const name = 'store collection';
  const home = `${context.work}/collection`;
  await makeFilledHome(home, 1000, context.say);
  await addDead(`${home}/store`, deadBlobs, context.say);
  const rows: Row[] = [];
  const paces = [undefined, 200, 5000];
  for (const blobsPerSecond of paces) {
    const intervalSeconds = blobsPerSecond === undefined ? 0 : 0.1;
    const config = `${home}/sealgate.json`;
    const settings = JSON.parse(readFileSync(config, 'utf8'));
    const gc = { intervalSeconds, graceSeconds: 0, ...(blobsPerSecond && { blobsPerSecond }) };
    writeFileSync(config, JSON.stringify({ ...settings, gc }));
    const server = await startSealgate(context.site, { home });
    const load = { connections: 16, every: 5 };
    const limit = { seconds: context.settings.seconds };
    const entry = { name, server: Promise.resolve(server), file: '1.bin', load, limit, least: 1024 };
    const label = blobsPerSecond === undefined ? 'no collection' : `${blobsPerSecond} blobs/s removed`;
    try {
      const [measured] = await compare(name, [{ ...entry, protocol: 'plain' }], context);
      const values = measured?.samples.map(({ work }) => work.p99 ?? Number.NaN) ?? [];
      if (measured?.fault !== undefined)
        rows.push({ scenario: name, server: label, unit: '', why: measured.fault });
      else rows.push(rowOfValues(name, label, 'µs, p99', values));
    } finally {
      await server.stop();
    }
  }
  return rows;
}

export const store: Scenario[] = [
  growth('open', 'opening a store for writing, its pages in memory', 'ms', openings),
  growth('page', 'a page of 1000 names from anywhere', 'ms', pagesAnywhere),
  growth('stat', 'a name and its blob looked up, anywhere', 'µs', lookUpsAnywhere),
  growth(
    'memory',
    'memory of the server, mapped files apart, after 100,000 GETs anywhere',
    'MiB',
    memoryOfServer,
  ),
  scenario(
    'store collection',
    `answers of 1k on 16 connections beside a collection of ${deadBlobs} blobs; response time`,
    collection,
  ),
];
