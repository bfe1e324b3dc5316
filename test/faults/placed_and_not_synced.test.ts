// Bytes that have come are placed in the store, and the blob or a folder of it cannot be synced: nothing is
// acknowledged or left among the blobs. An upload in several requests has its bytes again, and is stored when
// its last byte comes once more; any other body is sent anew.

import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSite, freePort, TestServer } from '../support/server.ts';
import { blobPath, sha256 } from '../support/store.ts';
import { offsetOf, TusRequests, uploadSizes } from '../support/tus.ts';
import { type ErrorName, eachStep, Faults } from './shim.ts';

/** More than a placement has. */
const maxSteps = 20;

const site = await createSite({
  buckets: { live: 'versioned' },
  auth: { reads: 'open' },
  sites: [{ path: '/', protocol: 'objects', resumableUploads: {} }],
});
const faults = new Faults(site.dir, `${site.dir}/store/blobs/`);
const url = `http://127.0.0.1:${await freePort()}`;
const server = await faults.within(() => TestServer.start(site, '--workers', '1', '--listen', url));
after(async () => {
  await server.stop();
  await site.remove();
});
const requests = new TusRequests(() => url, site);
const token = `Authorization: Bearer ${site.token}`;
const full: ErrorName[] = ['ENOSPC', 'EDQUOT'];
/** Names of folders that blobs are in. */
const used = new Set<string>();
let rounds = 0;

/** A name, and a body that nobody has sent yet and whose blob has no folder yet: all have the same steps. */
function fresh(): { path: string; body: Buffer } {
  const name = `round-${++rounds}`;
  const body = Buffer.from(`bytes of ${name}`);
  const folder = sha256(body).slice(0, 2);
  if (used.has(folder)) return fresh();
  used.add(folder);
  return { path: `/o/live/${name}`, body };
}

async function assertNotStored(path: string, body: Buffer, what: string): Promise<void> {
  await assert.rejects(stat(blobPath(join(site.dir, 'store'), sha256(body))), { code: 'ENOENT' }, what);
  assert.equal((await requests.ask('GET', path, [])).status, 404, what);
}

async function assertStored(path: string, body: Buffer, what: string): Promise<void> {
  const got = await requests.ask('GET', path, []);
  assert.deepEqual([got.status, got.body.toString()], [200, body.toString()], what);
}

async function inSeveral(number: number, error: ErrorName): Promise<string | undefined> {
  const { path, body } = fresh();
  const at = await requests.begin(path, `Upload-Length: ${body.length}`);
  await requests.patch(at, 0, body.subarray(0, 4));
  const { hit, result } = await faults.during({ number, error }, () =>
    requests.patch(at, 4, body.subarray(4)),
  );
  if (hit === undefined) return undefined;
  const what = `${error} ${number} ${hit}`;
  assert.equal(result.status, full.includes(error) ? 507 : 500, what);
  await assertNotStored(path, body, what);
  assert.deepEqual(await uploadSizes(site), [body.length], `${what}: its bytes are there`);
  const offset = offsetOf(await requests.state(at));
  assert.equal(offset, body.length - 1, what);
  assert.equal((await requests.patch(at, offset, body.subarray(offset))).status, 204, what);
  await assertStored(path, body, what);
  return what;
}

async function inOne(number: number, error: ErrorName): Promise<string | undefined> {
  const { path, body } = fresh();
  const put = () => requests.ask('PUT', path, [token], body);
  const { hit, result } = await faults.during({ number, error }, put);
  if (hit === undefined) return undefined;
  const what = `${error} ${number} ${hit}`;
  assert.equal(result.status, full.includes(error) ? 507 : 500, what);
  await assertNotStored(path, body, what);
  assert.equal((await put()).status, 201, what);
  await assertStored(path, body, what);
  return what;
}

for (const [kind, inject] of Object.entries({ 'several requests': inSeveral, 'one request': inOne }))
  for (const error of ['EIO', ...full] as const)
    test(`an upload in ${kind} whose blob or folder meets ${error} is not there, and is again`, async (t) => {
      const seen = await eachStep({ most: maxSteps, stride: 1 }, (number) => inject(number, error));
      t.diagnostic?.(seen.join('\n'));
      for (const path of ['../../[^/]{9,}', '../..', '..'])
        assert.ok(
          seen.some((each) => each.match(`fsync store/blobs/sha256/${path}$`)),
          path,
        );
    });
