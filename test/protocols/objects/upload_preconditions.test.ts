// If-Match, If-None-Match and If-Unmodified-Since on requests that write (RFC 9110 13.1).

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, test } from 'node:test';
import { openTestApp, problemName } from '../../support/app.ts';

const app = await openTestApp();
after(() => app.close());
const tag = (body: string) => `"${createHash('sha256').update(body).digest('hex')}"`;

async function putOver(name: string, ...fields: string[]): Promise<number> {
  await app.put(`/o/live/${name}`, 'old');
  const { status } = await app.put(`/o/live/${name}`, 'new', ...fields);
  const { digest } = (await app.get(`/o/live/${name}`)).blob;
  assert.equal(`"${digest}"`, tag(status === 412 ? 'old' : 'new'));
  return status;
}

test('If-None-Match: * writes only what is not there', async () => {
  assert.equal((await app.put('/o/live/fresh', 'x', 'If-None-Match: *')).status, 201);
  assert.equal(await putOver('there', 'If-None-Match: *'), 412);
});

test('If-None-Match with the current tag, strong or weak, does not write', async () => {
  assert.equal(await putOver('n1', `If-None-Match: ${tag('other')}, ${tag('old')}`), 412);
  assert.equal(await putOver('n2', `If-None-Match: W/${tag('old')}`), 412);
  assert.equal(await putOver('n3', `If-None-Match: ${tag('other')}`), 200);
});

test('If-Match: stored when the list has the newest version’s tag, else 412', async () => {
  assert.equal(await putOver('m1', `If-Match: ${tag('other')}, ${tag('old')}`), 200);
  assert.equal(await putOver('m2', `If-Match: ${tag('other')}`), 412);
  assert.equal(await putOver('m3', `If-Match: W/${tag('old')}`), 412);
  assert.equal(await putOver('m4', 'If-Match: *'), 200);
  assert.equal((await app.put('/o/live/absent', 'x', 'If-Match: *')).status, 412);
});

test('conditions in several lines are one list', async () => {
  assert.equal(await putOver('l1', `If-Match: ${tag('other')}`, `If-Match: ${tag('old')}`), 200);
  assert.equal(await putOver('l2', `If-Match: ${tag('other')}`, 'If-Match: "x"'), 412);
  assert.equal(await putOver('l3', `If-None-Match: ${tag('other')}`, `If-None-Match: ${tag('old')}`), 412);
});

test('a condition that cannot be read does not hold', async () => {
  for (const value of ['old', '"old', `${tag('old')} ${tag('other')}`, '']) {
    assert.equal(await putOver(`u${value.length}`, `If-Match: ${value}`), 412, `If-Match: ${value}`);
    assert.equal(
      await putOver(`v${value.length}`, `If-None-Match: ${value}`),
      412,
      `If-None-Match: ${value}`,
    );
  }
});

test('If-Unmodified-Since writes only over what is that old, and gives way to If-Match', async () => {
  const later = new Date(Date.now() + 2000).toUTCString();
  assert.equal(await putOver('s1', `If-Unmodified-Since: ${later}`), 200);
  assert.equal(await putOver('s6', 'If-Unmodified-Since: Sun Nov  6 08:49:37 2094'), 200);
  assert.equal(await putOver('s7', 'If-Unmodified-Since: Sun Nov  6 08:49:37 1994'), 412);
  assert.equal(await putOver('s2', 'If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT'), 412);
  assert.equal(await putOver('s3', 'If-Unmodified-Since: yesterday'), 412);
  assert.equal(await putOver('s4', 'If-Unmodified-Since: yesterday', `If-Match: ${tag('old')}`), 200);
  assert.equal((await app.put('/o/live/s5', 'x', 'If-Unmodified-Since: yesterday')).status, 201);
  const refused = await app.response('DELETE', '/o/live/s5', 'If-Unmodified-Since: yesterday');
  assert.deepEqual([refused.status, problemName(refused)], [412, 'precondition-failed']);
});

test('DELETE honours If-Match', async () => {
  await app.put('/o/live/d', 'old');
  const refused = await app.response('DELETE', '/o/live/d', `If-Match: ${tag('other')}`);
  assert.deepEqual([refused.status, problemName(refused)], [412, 'precondition-failed']);
  assert.equal((await app.response('DELETE', '/o/live/d', `If-Match: ${tag('old')}`)).status, 204);
});

test('of many writers that all saw nothing, one wins', async () => {
  const bodies = Array.from({ length: 16 }, (_, i) => `writer ${i}`);
  const answers = bodies.map((body) => app.put('/o/live/race', body, 'If-None-Match: *'));
  const statuses = (await Promise.all(answers)).map(({ status }) => status);
  assert.equal(statuses.filter((status) => status === 201).length, 1);
  assert.equal(statuses.filter((status) => status === 412).length, bodies.length - 1);
});
