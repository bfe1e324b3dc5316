// Heads that are too large: SETTINGS_MAX_HEADER_LIST_SIZE is advice, so the limits of HTTP/1.1 are kept here.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  block,
  code,
  type Field,
  flag,
  frame,
  Http2Wire,
  indexed,
  request,
  type,
} from '../support/http2_wire.ts';
import { serve } from './support.ts';

const served = await serve();
after(served.stop);

const open = () => Http2Wire.open(served.clear);

test('a target of more than limits.targetBytes: 414', async () => {
  const wire = await open();
  wire.ask(1, request('GET', `/${'x'.repeat(8192)}`));
  assert.equal(await wire.status(1), 414);
  wire.close();
});

test('fields of more than limits.headBytes, in CONTINUATION: 431, and the connection goes on', async () => {
  const wire = await open();
  const fields: Field[] = [1, 2, 3].map((n) => [`x-${n}`, 'x'.repeat(12_000)]);
  const whole = block(...request('GET', '/o/files/small', ...fields));
  const pieces = [0, 1, 2].map((n) => whole.subarray(n * 15_000, n === 2 ? undefined : (n + 1) * 15_000));
  wire.send(
    frame(type.headers, flag.endStream, 1, pieces[0]),
    frame(type.continuation, 0, 1, pieces[1]),
    frame(type.continuation, flag.endHeaders, 1, pieces[2]),
  );
  assert.equal(await wire.status(1), 431);
  wire.ask(3, request('GET', '/o/files/small'));
  assert.equal(await wire.status(3), 200);
  wire.close();
});

test('101 fields: 431', async () => {
  const wire = await open();
  wire.ask(1, request('GET', '/o/files/small', ...Array.from({ length: 101 }, (): Field => ['x', ''])));
  assert.equal(await wire.status(1), 431);
  wire.close();
});

test('a field of 2.9 KB that a block names 10,000 times: its stream is reset', async () => {
  const wire = await open();
  const bomb = Buffer.concat([
    block(...request('GET', '/o/files/small')),
    indexed(['x', 'x'.repeat(2900)]),
    Buffer.alloc(10_000, 0x80 | 62),
  ]);
  wire.send(frame(type.headers, flag.endHeaders | flag.endStream, 1, bomb));
  assert.equal(await wire.resetOf(1), code.internalError);
  wire.ask(3, request('GET', '/o/files/small'));
  assert.equal(await wire.status(3), 200);
  wire.close();
});
