// Priorities (RFC 9218): what is more urgent leaves first, and of what is as urgent incremental ones take
// turns while others leave one after another.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { type Field, flag, frame, Http2Wire, number32, request, type } from '../support/http2_wire.ts';
import { serve } from './support.ts';

const served = await serve();
after(served.stop);

const get = (priority?: string) =>
  request('GET', '/o/files/large', ...(priority === undefined ? [] : [['priority', priority] as Field]));
const update = (stream: number, priority: string) =>
  frame(type.priorityUpdate, 0, 0, Buffer.concat([number32(stream), Buffer.from(priority)]));

/** The order in which DATA of the streams comes, once the connection's window opens. */
async function order(priorities: (string | undefined)[], ...further: Buffer[]): Promise<number[]> {
  const wire = await Http2Wire.open(served.clear, { 4: 0x7fffffff });
  // One more takes the window of the connection with which it begins.
  wire.ask(1, get());
  for (let left = 65_535; left > 0; ) {
    const { payload } = await wire.until((each) => each.type === type.data);
    left -= payload.length;
  }
  for (const [n, priority] of priorities.entries()) wire.ask(2 * n + 3, get(priority));
  wire.send(
    ...further,
    frame(type.reset, 0, 1, number32(8)),
    frame(type.windowUpdate, 0, 0, number32(2 ** 30)),
  );
  const streams: number[] = [];
  for (let ended = 0; ended < priorities.length; ) {
    const got = await wire.until((each) => each.type === type.data);
    if (got.stream === 1) continue;
    streams.push(got.stream);
    if ((got.flags & flag.endStream) !== 0) ended++;
  }
  wire.close();
  return streams;
}

const runs = (streams: number[]) => streams.filter((stream, n) => stream !== streams[n - 1]);

test('one after another where nothing is said', async () => {
  assert.deepEqual(runs(await order([undefined, undefined])), [3, 5]);
});

test('urgency 1 before 3 before 6', async () => {
  assert.deepEqual(runs(await order(['u=6', undefined, 'u=1'])), [7, 5, 3]);
});

test('incremental ones take turns', async () => {
  assert.ok(runs(await order(['i', 'i'])).length > 20);
});

test('PRIORITY_UPDATE changes the order of what was asked for', async () => {
  assert.deepEqual(runs(await order(['u=4', 'u=4'], update(5, 'u=0'))), [5, 3]);
});
