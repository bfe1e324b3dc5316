// An object that is sent in parts to a store whose answer to the last request is lost.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pino } from 'pino';
import { upstreamsSchema } from '../../src/config/upstreams.ts';
import { Fetcher } from '../../src/upstream/fetcher.ts';
import { Tier } from '../../src/upstream/tier.ts';
import { Upstream } from '../../src/upstream/upstream.ts';
import { temporaryFolder } from '../support/store.ts';
import { startUpstream } from '../support/upstream.ts';

const part = 1000;
const bytes = randomBytes(2 * part + 500);
const digest = createHash('sha256').update(bytes).digest('hex');
const dir = await temporaryFolder();
const [path, secret] = [join(dir, 'large'), join(dir, 'secret')];
await writeFile(path, bytes);
await writeFile(secret, 'secret', { mode: 0o600 });

/** What becomes of the upload when it is to be ended for the first time. */
type Ending = (response: ServerResponse) => void;

/** A store that has one object at most, and tells what was asked of it about uploads. */
async function startStore(attempts: number, ending: Ending) {
  let stored: number | undefined;
  let isOver = false;
  const ends = (response: ServerResponse) => {
    if (isOver) return void response.writeHead(404).end('<Error><Code>NoSuchUpload</Code></Error>');
    isOver = true;
    ending(response);
  };
  const server = await startUpstream(({ method, url = '' }, response) => {
    const { search } = new URL(url, 'http://store.test');
    if (method === 'HEAD')
      response.writeHead(stored === undefined ? 404 : 200, { 'Content-Length': stored ?? 0 });
    if (method === 'HEAD') return void response.end();
    if (method === 'DELETE') return void response.writeHead(204).end();
    if (method === 'PUT') return void response.writeHead(200, { ETag: '"part"' }).end();
    if (search === '?uploads') return void response.end('<UploadId>one</UploadId>');
    ends(response);
  });
  const s3 = { bucket: 'shared', region: 'any', accessKey: secret, secretKey: secret };
  const { tier: config } = upstreamsSchema.parse({ tier: { url: server.url, s3, attempts } });
  assert.ok(config);
  const fetcher = new Fetcher();
  const upstream = new Upstream('tier', config, fetcher, pino({ level: 'silent' }));
  const tier = new Tier(upstream, { atOnce: part, part });
  return {
    has: (size: number) => {
      stored = size;
    },
    keep: () => tier.keep({ digest, size: bytes.length, path }),
    aborted: () => server.asked.some((each) => each.startsWith('DELETE')),
    close: async () => {
      await fetcher.close();
      server.close();
    },
  };
}

type Store = Awaited<ReturnType<typeof startStore>>;

async function withStore(
  { attempts, ending }: { attempts: number; ending: (store: Store, response: ServerResponse) => void },
  run: (store: Store) => Promise<void>,
): Promise<void> {
  const store: Store = await startStore(attempts, (response) => ending(store, response));
  await run(store).finally(() => store.close());
}

after(() => rm(dir, { recursive: true }));

for (const [title, attempts, answer] of [
  ['cut', 1, (response: ServerResponse) => response.destroy()],
  ['cut, and the upload is not known any more when it is ended again', 2, (response) => response.destroy()],
  ['503', 1, (response: ServerResponse) => response.writeHead(503).end()],
] as [string, number, Ending][])
  test(`an object whose last answer was ${title} is kept, as the store has it`, async () => {
    const ending = (store: Store, response: ServerResponse) => {
      store.has(bytes.length);
      answer(response);
    };
    await withStore({ attempts, ending }, async (store) => {
      await store.keep();
      assert.equal(store.aborted(), false);
    });
  });

for (const [title, size] of [
  ['has no object', undefined],
  ['has an object of another size', 7],
] as const)
  test(`where the last answer was cut and the store ${title} it fails, and the parts stay`, async () => {
    const ending = (store: Store, response: ServerResponse) => {
      if (size !== undefined) store.has(size);
      response.destroy();
    };
    await withStore({ attempts: 1, ending }, async (store) => {
      await assert.rejects(store.keep(), { code: 'sharing-failed' });
      assert.equal(store.aborted(), false);
    });
  });

for (const [title, answer] of [
  [
    '400',
    (response: ServerResponse) => response.writeHead(400).end('<Error><Code>InvalidPart</Code></Error>'),
  ],
  [
    '200 and an error',
    (response: ServerResponse) => response.end('<Error><Code>InternalError</Code></Error>'),
  ],
] as [string, Ending][])
  test(`an upload whose end is answered ${title} is aborted`, async () => {
    await withStore({ attempts: 1, ending: (_, response) => answer(response) }, async (store) => {
      await assert.rejects(store.keep(), { code: 'sharing-failed' });
      assert.equal(store.aborted(), true);
    });
  });
