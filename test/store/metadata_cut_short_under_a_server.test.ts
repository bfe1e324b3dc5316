// Metadata that lose bytes while they are mapped: the process ends with a sentence and a status of its own,
// and other faults of memory go to whoever handled them before.

import assert from 'node:assert/strict';
import { stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';
import { TestStore } from '../support/store.ts';
import { until } from '../support/wait.ts';

const site = await createSite({ sentinel: { intervalSeconds: 0 } });
after(() => site.remove());
const data = join(site.dir, 'store/meta/data.mdb');
/** Requests for names that no worker has a plan for. */
const mostRequests = 200;

/** Asks for one name after another until the server is gone. */
async function askUntilItEnds(server: TestServer): Promise<void> {
  for (let n = 0; n < mostRequests; n++)
    if ((await server.curl(`/o/files/name%20${n}`).catch(() => undefined)) === undefined) return;
  throw new Error(`the server answered ${mostRequests} requests`);
}

test('data.mdb that is cut short under a server: a sentence and status 74', async () => {
  const server = await TestServer.start(site, '--workers', '1');
  const { size } = await stat(data);
  await truncate(data, 0);
  await askUntilItEnds(server);
  assert.equal(await server.ended(), 74);
  const sentence = new RegExp(`^sealgate: ${data}: bytes of it are gone .* 'sealgate rebuild' to `, 'm');
  await until(server.log, (log) => sentence.test(log), 'the sentence has come');
  await truncate(data, size);
});

// WebAssembly's checks of bounds are faults that the runtime handles.
test('a trap of WebAssembly is an exception beside an open store', async () => {
  const opened = await TestStore.open();
  // (module (memory 1) (func (export "f") (result i32) (i32.load (i32.const 0x7fffffff))))
  const module =
    '0061736d010000000105016000017f030201000503010001070501016600000a0d010b0041ffffffff072802000b';
  const { instance } = await WebAssembly.instantiate(Buffer.from(module, 'hex'));
  assert.throws(instance.exports.f as () => void, WebAssembly.RuntimeError);
  await opened.remove();
});
