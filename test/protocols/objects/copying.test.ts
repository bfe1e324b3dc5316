// COPY: another name for bytes that are stored, by name and by digest.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { field, openTestApp, problemName } from '../../support/app.ts';

const app = await openTestApp();
after(() => app.close());
const copy = (from: string, to: string, ...fields: string[]) =>
  app.response('COPY', from, `Destination: ${to}`, ...fields);

test('a new name: 201 with its place, the same bytes and media type', async () => {
  await app.put('/o/files/a', 'bytes', 'Content-Type: text/x-test');
  const copied = await copy('/o/files/a', '/o/live/b%20c');
  assert.deepEqual([copied.status, field(copied, 'Location')], [201, '/o/live/b%20c']);
  const { blob, contentType } = await app.get('/o/live/b%20c');
  assert.deepEqual([blob.digest, contentType], [(await app.get('/o/files/a')).blob.digest, 'text/x-test']);
  assert.equal((await copy('/o/files/a', '/o/live/b%20c')).status, 200);
});

test('by digest the media type is the new name’s; this host’s absolute URL is taken', async () => {
  const { digest } = (await app.get('/o/files/a')).blob;
  const copied = await copy(`/sha256/${digest}`, 'https://host:8443/o/live/page.html', 'Host: host:8443');
  assert.equal(copied.status, 201);
  assert.equal((await app.get('/o/live/page.html')).contentType, 'text/html; charset=utf-8');
});

test('a name that moves is asked for again by those who kept a plan', async () => {
  await app.put('/o/live/moves', 'old');
  const { epoch } = app.epochs.ofBucket('live');
  assert.equal((await copy('/o/files/a', '/o/live/moves')).status, 200);
  assert.equal(app.epochs.ofBucket('live').epoch, epoch + 1);
});

const longAgo = 'Sun, 06 Nov 1994 08:49:37 GMT';
const refusals: [string, string, string[], number, string][] = [
  ['/o/files/none', '/o/live/x', [], 404, 'not-found'],
  ['/o/nobody/a', '/o/live/x', [], 404, 'bucket-unknown'],
  ['/o/files/a', '/o/nobody/x', [], 404, 'bucket-unknown'],
  ['/o/files/a', '/o/live/', [], 400, 'target-invalid'],
  ['/o/files/a', '/sha256/x', [], 400, 'target-invalid'],
  ['/o/files/a', '/o/live/x?y', [], 400, 'target-invalid'],
  ['/o/files/a', '/o/live/../x', [], 400, 'target-invalid'],
  ['/o/files/a', '/o/live/x#f', [], 400, 'target-invalid'],
  ['/o/files/a', 'https://host#/o/live/x', ['Host: host'], 400, 'target-invalid'],
  ['/o/files/a', '/o/live/x', ['Destination: /o/live/y'], 400, 'target-invalid'],
  ['/o/files/a', '/o/live/a b', [], 400, 'target-invalid'],
  ['/o/files/a', '/o/live/\xe4', [], 400, 'target-invalid'],
  ['/o/files/a', '/o/live/x', ['X-OC-Mtime: yesterday'], 400, 'field-refused'],
  ['/o/files/a', '/o/live/moves', ['Overwrite: F'], 412, 'precondition-failed'],
  ['/o/files/a', '/o/live/moves', ['Overwrite: f'], 412, 'precondition-failed'],
  ['/o/files/a', '/o/live/moves', ['Overwrite: no'], 400, 'field-refused'],
  ['/o/files/a', '/o/live/moves', ['If-None-Match: *'], 412, 'precondition-failed'],
  ['/o/files/a', '/o/live/moves', ['If-Match: "nothing"'], 412, 'precondition-failed'],
  ['/o/files/a', '/o/live/x', ['If-Match: *'], 412, 'precondition-failed'],
  ['/o/files/a', '/o/live/moves', [`If-Unmodified-Since: ${longAgo}`], 412, 'precondition-failed'],
  [`/sha256/${'0'.repeat(64)}`, '/o/live/x', [], 404, 'not-found'],
];
for (const [from, to, fields, status, name] of refusals) {
  test(`COPY ${from.slice(0, 12)} to ${to} ${fields}: ${status} ${name}`, async () => {
    const refused = await copy(from, to, ...fields).catch((error) => error);
    const [found, problem] =
      refused instanceof Error
        ? [status, (refused as { code?: string }).code]
        : [refused.status, problemName(refused)];
    assert.deepEqual([found, problem], [status, name]);
  });
}

test('other bytes under a write-once name: 409, and a deleted source: 410', async () => {
  await app.put('/o/files/other', 'other bytes');
  const taken = await copy('/o/files/a', '/o/files/other').catch((error) => error);
  assert.equal(taken instanceof Error ? (taken as { code?: string }).code : problemName(taken), 'name-taken');
  await app.put('/o/live/gone', 'gone');
  await app.response('DELETE', '/o/live/gone');
  assert.equal((await copy('/o/live/gone', '/o/live/x')).status, 410);
});

test('Overwrite: F over a deleted name writes, and If-Match with the destination’s tag does', async () => {
  const tag = field(await app.put('/o/live/again', 'old'), 'ETag');
  assert.equal((await copy('/o/files/a', '/o/live/again', `If-Match: ${tag}`)).status, 200);
  await app.response('DELETE', '/o/live/again');
  assert.equal((await copy('/o/files/a', '/o/live/again', 'Overwrite: F')).status, 200);
});

const hosts: [string, string[], number][] = [
  ['https://other.example', ['Host: host'], 502],
  ['https://host:8443', ['Host: host'], 502],
  ['https://host', [], 502],
  ['https://host.example.', ['Host: HOST.example'], 200],
  ['HTTPS://Host:443', ['Host: host'], 200],
  ['https://host', ['Host: host:443'], 200],
  // A proxy in front speaks TLS, or the other way round.
  ['http://host:8080', ['Host: host:8080'], 200],
  ['https://[::1]:8443', ['Host: [::1]:8443'], 200],
  ['ftp://host', ['Host: host'], 502],
  ['https://a b', ['Host: a b'], 502],
];
for (const [origin, fields, expected] of hosts) {
  test(`Destination at ${origin} with ${fields[0] ?? 'no Host'}: ${expected}`, async () => {
    await copy('/o/files/a', '/o/live/by-host');
    const { version } = app.store.resolve('live', 'by-host') ?? assert.fail('it is there');
    await app.put('/o/files/host', 'from elsewhere');
    const answer = await copy('/o/files/host', `${origin}/o/live/by-host`, ...fields).catch((error) => error);
    const code = answer instanceof Error ? (answer as { code?: string }).code : problemName(answer);
    assert.equal(code, expected === 502 ? 'destination-elsewhere' : undefined);
    const written = app.store.resolve('live', 'by-host')?.version !== version;
    assert.equal(written, expected === 200);
  });
}

test('the source’s time goes with its bytes; a copy by digest has none', async () => {
  const { digest } = (await app.get('/o/files/a')).blob;
  const modified = Date.UTC(2001, 1, 3);
  await app.store.putRef('files', 'dated', { digest, modified });
  await copy('/o/files/dated', '/o/files/dated-copy');
  const modifiedOf = (name: string) => {
    const ref = app.store.resolve('files', name);
    return ref?.deleted === false ? ref.modified : assert.fail('it is there');
  };
  assert.equal(modifiedOf('dated-copy'), modified);
  await copy(`/sha256/${digest}`, '/o/files/undated-copy');
  assert.equal(modifiedOf('undated-copy'), undefined);
});

test('X-OC-Mtime of a copy is recorded in place of the source’s time, and the answer says so', async () => {
  const { digest } = (await app.get('/o/files/a')).blob;
  for (const [source, name] of [
    ['/o/files/a', 'timed'],
    [`/sha256/${digest}`, 'timed-by-digest'],
  ] as const) {
    const copied = await copy(source, `/o/files/${name}`, 'X-OC-Mtime: 981173106');
    assert.deepEqual([copied.status, field(copied, 'X-OC-Mtime')], [201, 'accepted']);
    const ref = app.store.resolve('files', name);
    assert.equal(ref?.deleted === false && ref.modified, 981_173_106_000);
  }
});
