// Whatever the application does with a request, the client gets one answer and the server goes on.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type Answer, respond, type Upload } from '../../src/engine/plan.ts';
import { SealgateError } from '../../src/errors.ts';
import { startEngine } from '../support/engine.ts';

const behaviours: Record<string, () => Answer | Promise<Answer>> = {
  '/ok': () => respond(200, [['X-Test', 'yes']], 'fine'),
  '/later': async () => respond(202, [], 'fine later'),
  '/throws': () => {
    throw new Error('secret detail');
  },
  '/refuses': () => {
    throw new SealgateError('not-found');
  },
  '/rejects': () => Promise.reject(new Error('secret detail')),
  '/rejects-oddly': () => Promise.reject(undefined),
  '/nothing': () => undefined as unknown as Answer,
  '/no-plan': () => ({ kind: 'other' }) as unknown as Answer,
  '/bad-plan': () => ({ kind: 'respond', status: 'x' }) as unknown as Answer,
  '/bad-file': () => ({ kind: 'deliver', file: {} }) as unknown as Answer,
  '/upload': () => upload(async ({ digest, size }) => respond(201, [], `${digest} ${size}`)),
  '/upload-throws': () =>
    upload(() => {
      throw new SealgateError('digest-mismatch');
    }),
  '/upload-rejects': () => upload(() => Promise.reject(new Error('secret detail'))),
};
let staged = 0;
const staging = () => join(engine.dir, `staging-${staged}`);
function upload(received: Upload['received']): Upload {
  staged++;
  return { kind: 'receive', sink: { path: staging() }, maxSize: 1 << 20, received };
}

const engine = await startEngine((request) => (behaviours[request.path] as () => Answer)());
after(() => engine.stop());

async function fetched(path: string, body?: string): Promise<[status: number, body: string]> {
  const answer = await fetch(engine.origin + path, body === undefined ? {} : { method: 'PUT', body });
  return [answer.status, await answer.text()];
}

test('an answer given at once or by a promise reaches the client', async () => {
  assert.deepEqual(await fetched('/ok'), [200, 'fine']);
  assert.deepEqual(await fetched('/later'), [202, 'fine later']);
});

test('a thrown refusal reaches the client as a problem', async () => {
  const [status, body] = await fetched('/refuses');
  assert.deepEqual([status, JSON.parse(body).title], [404, 'not-found']);
});

for (const path of ['throws', 'rejects', 'rejects-oddly', 'nothing', 'no-plan', 'bad-plan', 'bad-file']) {
  test(`/${path} is answered with 500 and no detail`, async () => {
    const [status, body] = await fetched(`/${path}`);
    assert.deepEqual([status, JSON.parse(body).title], [500, 'internal']);
    assert.doesNotMatch(body, /secret/);
  });
}

test('a body is received, hashed and handed over', async () => {
  const body = 'x'.repeat(300_000);
  const digest = createHash('sha256').update(body).digest('hex');
  assert.deepEqual(await fetched('/upload', body), [201, `${digest} 300000`]);
  assert.equal(await readFile(staging(), 'utf8'), body);
});

test('an upload that fails is answered too', async () => {
  assert.equal((await fetched('/upload-throws', 'x'))[0], 422);
  assert.equal((await fetched('/upload-rejects', 'x'))[0], 500);
  assert.deepEqual(engine.refused.slice(-2), ['digest-mismatch', 'internal']);
});
