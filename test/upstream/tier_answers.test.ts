// A shared store whose answers do not say what has become of a request: nobody counts on it then.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { Marks } from '../../src/upstream/tier_marks.ts';
import { OpenTier } from '../support/tier.ts';

/** What is answered to a method; absent: 404. */
let statuses: Record<string, number> = {};
/** What a mark says; undefined: there is none. */
let mark: string | undefined;
const store = createServer((asked, answer) => {
  asked.resume();
  asked.on('end', () => {
    const isMark = asked.method === 'GET' && asked.url?.includes('/gc/marks/');
    const head = { etag: '"e"', 'last-modified': new Date().toUTCString() };
    if (isMark && mark !== undefined) answer.writeHead(200, head).end(mark);
    else answer.writeHead(isMark ? 404 : (statuses[asked.method ?? ''] ?? 404), head).end();
  });
});
await new Promise<void>((resolve) => store.listen(0, '127.0.0.1', resolve));
const open = await OpenTier.at(`http://127.0.0.1:${(store.address() as AddressInfo).port}/`);
after(async () => {
  await open.end();
  store.closeAllConnections();
  store.close();
});

const failed = { code: 'sharing-failed' };
const condemned = JSON.stringify({ format: 1, state: 'condemned', stamp: 'x' });
const record = { bucket: 'web', name: 'a' };
const deleted = { format: 1 as const, stamp: 's', version: 1, created: 1, deleted: true as const };

for (const status of [204, 206, 304, 404]) {
  test(`bytes whose PUT is answered with ${status} are not taken as kept`, async () => {
    statuses = { PUT: status };
    mark = undefined;
    await assert.rejects(open.keep('text'), failed);
  });

  test(`bytes that go to another place, answered with ${status}, are not taken as kept`, async () => {
    statuses = { PUT: status };
    mark = condemned;
    // So large that the store is asked first, and says that the blob is being deleted.
    await assert.rejects(open.keep('x'.repeat(300_000)), failed);
  });
}

test('bytes at another place are kept by 200, and by 412 as an answer before it was lost', async () => {
  mark = condemned;
  for (const status of [200, 412]) {
    statuses = { PUT: status };
    assert.match((await open.keep('x'.repeat(300_000))).place ?? '', /^[0-9a-f]{16}$/);
  }
});

test('a record whose PUT is answered with 204, 206 or 304 is not taken as written', async () => {
  const its = { ...deleted, last: '0'.repeat(64) };
  for (const status of [204, 206, 304]) {
    statuses = { PUT: status };
    await assert.rejects(open.tier.write(record, its, 'e'), failed);
  }
});

test('a record that was not known is not the same, and none is read of a part or of nothing', async () => {
  for (const status of [304, 204, 206, 412]) {
    statuses = { GET: status };
    await assert.rejects(open.tier.read(record), failed);
  }
  statuses = { GET: 304 };
  assert.equal(await open.tier.read(record, 'e'), 'same');
});

test('a blob is neither there nor absent by an answer to HEAD that is not 200 or 404', async () => {
  mark = undefined;
  const kept = { since: Number.NEGATIVE_INFINITY, date: 0 };
  for (const status of [204, 206, 304, 412]) {
    statuses = { HEAD: status };
    await assert.rejects(open.tier.stillHas({ digest: '0'.repeat(64) }, kept), failed);
  }
  statuses = { HEAD: 200 };
  assert.equal(await open.tier.stillHas({ digest: '0'.repeat(64) }, kept), true);
});

test('a deletion that is answered with 304 or 412 was not made', async () => {
  const marks = new Marks((asked) => open.tier.send(asked));
  for (const status of [304, 412]) {
    statuses = { DELETE: status };
    const counts = { from: Date.now(), seconds: 60 };
    await assert.rejects(
      marks.delete('sha256/x', counts),
      new RegExp(`DELETE sha256/x: it answered ${status}`),
    );
  }
});
