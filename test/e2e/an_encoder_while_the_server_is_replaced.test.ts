// An encoder has one connection for all that it sends, and may not survive its end. It keeps that to the
// process that is replaced, and clients of the new one read what it sends while it comes.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { growing, reading, uploadingBy } from '../support/growing.ts';

const text = async (bytes: Promise<Buffer>) => (await bytes).toString();
/** Milliseconds after which the connections of others without a request are closed, and some more. */
const idle = 11_000;

test('segments before, while and after a replacement are read as they come, and stored', async () => {
  const { site, server, upload, replace } = await growing();
  const first = await upload('/o/live/1');
  first.chunk('one');
  const next = await replace();
  const [, clear = ''] = next.urls;
  const reader = await reading(clear, '/o/live/1');
  assert.equal(await text(reader.wire.chunk()), 'one');
  first.chunk('two');
  assert.equal(await text(reader.wire.chunk()), 'two');
  first.chunk('');
  const answer = await first.answer();
  assert.deepEqual([answer.status, answer.headers.get('connection')], [201, undefined]);
  assert.equal(await text(reader.wire.chunk()), '');
  assert.equal((await next.curl('/o/live/1')).body.toString(), 'onetwo');

  await setTimeout(idle);
  const token = `Authorization: Bearer ${site.token}`;
  const second = uploadingBy(first.wire, '/o/live/2', token);
  const late = reading(clear, '/o/live/2');
  second.chunk('three');
  assert.equal(await text((await late).wire.chunk()), 'three');
  second.chunk('');
  assert.equal((await second.answer()).status, 201);
  assert.equal(await text((await late).wire.chunk()), '');
  assert.equal((await next.curl('/o/live/2')).body.toString(), 'three');

  const third = uploadingBy(first.wire, '/o/live/3', token);
  third.chunk('four');
  const cut = await reading(clear, '/o/live/3');
  assert.equal(await text(cut.wire.chunk()), 'four');
  first.wire.close();
  await assert.rejects(cut.wire.chunk(), /instead of/);
  assert.equal((await next.curl('/o/live/3')).status, 404);
  assert.equal(await server.ended(), 0);
  for (const { wire } of [reader, await late]) wire.close();
  assert.equal(await next.stop(), 0);
  await site.remove();
});

test('an upload of a known length is announced with it by the new process', async () => {
  const { site, server, upload, replace } = await growing();
  const writer = await upload('/o/live/known', 'Content-Length: 6');
  writer.wire.send('abc');
  const next = await replace();
  const { wire, status, headers } = await reading(next.urls[1] ?? '', '/o/live/known');
  assert.deepEqual([status, headers.get('content-length')], [200, '6']);
  assert.equal(await text(wire.bytes(3)), 'abc');
  writer.wire.send('def');
  assert.equal((await writer.answer()).status, 201);
  assert.equal(await text(wire.bytes(3)), 'def');
  for (const each of [writer.wire, wire]) each.close();
  assert.equal(await server.ended(), 0);
  assert.equal(await next.stop(), 0);
  await site.remove();
});

test('SIGTERM to a replaced process ends the connection of an encoder that sends nothing', async () => {
  const { site, server, upload, replace } = await growing();
  const writer = await upload('/o/live/1');
  writer.chunk('');
  assert.equal((await writer.answer()).status, 201);
  const next = await replace();
  await setTimeout(idle);
  const closed = once(writer.wire.socket, 'end');
  process.kill(server.pid, 'SIGTERM');
  await closed;
  assert.equal(await server.ended(), 0);
  assert.equal(await next.stop(), 0);
  await site.remove();
});
