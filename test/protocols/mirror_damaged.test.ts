// A copy that a mirror keeps is damaged on the disk: it is put into quarantine, and fetched again at once.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { addon } from '../../src/native/addon.ts';
import { quarantined } from '../../src/store/side_folders.ts';
import { blobPath } from '../support/store.ts';
import { startMirrors, startUpstream } from '../support/upstream.ts';
import { until } from '../support/wait.ts';

const files = new Map<string, string>();
const upstream = await startUpstream(({ url = '' }, response) => {
  const body = files.get(url);
  response.writeHead(body === undefined ? 404 : 200, { 'Cache-Control': 'max-age=86400' }).end(body);
});
const mirrored = await startMirrors({ up: { url: upstream.url, attempts: 1 } }, [
  {
    ...{ path: '/m/', upstreams: ['up'] },
    mirror: { local: ['/m/own/**'], rules: [{ match: '/m/v1/**', immutable: true }] },
  },
  { path: '/maven/', prefix: 'maven/', upstreams: ['up'], mirror: { kind: 'maven' } },
]);
const { server, site } = mirrored;
const store = join(site.dir, 'store');
after(async () => {
  await mirrored.stop();
  upstream.close();
});
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

async function damage(text: string): Promise<void> {
  const path = blobPath(store, sha256(text));
  await addon.releaseFile(path);
  const file = await open(path, 'r+');
  await file.write('#', 0);
  await file.close();
}
const get = async (path: string) => {
  const { status, body } = await server.curl(path);
  return `${status} ${body}`;
};
const asked = (path: string) => upstream.asked.filter((each) => each === `GET ${path}`).length;
/** Those who come while the damage is found out may be refused. */
const mended = (path: string, text: string) =>
  until(
    () => get(path),
    (answer) => answer === `200 ${text}`,
    'it is not fetched again',
    5000,
  );

test('an object that never changes is fetched again, and its damaged file is in quarantine', async () => {
  for (const path of ['/v1/a', '/day']) {
    const text = `text of ${path}`;
    files.set(path, text);
    assert.equal(await get(`/m${path}`), `200 ${text}`);
    await damage(text);
    await mended(`/m${path}`, text);
    assert.equal(asked(path), 2);
    assert.ok((await quarantined(store)).some((file) => file.includes(sha256(text))));
    assert.equal(await get(`/m${path}`), `200 ${text}`);
    assert.equal(asked(path), 2, 'it is kept again');
  }
});

test('what was stored here and is damaged is an error: nobody else has it', async () => {
  const file = join(site.dir, 'tool');
  await writeFile(file, 'our own');
  await server.put('/o/mirror/own/tool', file);
  assert.equal(await get('/m/own/tool'), '200 our own');
  await damage('our own');
  await until(
    () => get('/m/own/tool'),
    (answer) => answer.startsWith('500'),
    'it is no error',
  );
  assert.equal(asked('/own/tool'), 0);
});

test('a file that tells the digest of another is fetched again', async () => {
  files.set('/a.jar', 'jar');
  files.set('/a.jar.sha256', sha256('jar'));
  assert.equal(await get('/maven/a.jar.sha256'), `200 ${sha256('jar')}`);
  await damage(sha256('jar'));
  await mended('/maven/a.jar.sha256', sha256('jar'));
  assert.equal(await get('/maven/a.jar'), '200 jar');
});
