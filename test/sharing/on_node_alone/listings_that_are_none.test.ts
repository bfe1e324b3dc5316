// A store that answers a round of collection with what is no listing: the round ends and has removed nothing.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Ceph } from '../../support/ceph.ts';
import { FaultyStore } from '../../support/faulty_store.ts';
import { sha256 } from '../../support/sharing.ts';
import { OpenTier } from '../../support/tier.ts';
import { until } from '../../support/wait.ts';

const ceph = await Ceph.start();
const faulty = await FaultyStore.start(ceph.url());
const [open, honest] = await Promise.all([OpenTier.at(faulty.url), OpenTier.at(ceph.url())]);
after(async () => {
  await Promise.all([open.end(), honest.end()]);
  await faulty.end();
  await ceph.end();
});

const names = ['a', 'b', 'c'];
for (const name of names) await honest.put(name, name);
// By now a round would remove it.
await honest.keep('unnamed');
await until(
  () => honest.collect(),
  ({ marked }) => marked.blobs === 1,
  'it is marked',
);
await until(
  () => honest.collect({ dryRun: true }),
  ({ removed }) => removed.blobs === 1,
  'it would be removed',
);

const listing = (prefix: string, keys: string[], more = '<IsTruncated>false</IsTruncated>') =>
  `<?xml version="1.0"?><ListBucketResult><Prefix>${encodeURIComponent(prefix)}</Prefix>` +
  `<EncodingType>url</EncodingType>${more}${keys
    .map(
      (key) =>
        `<Contents><Key>${encodeURIComponent(key)}</Key><Size>1</Size>` +
        '<LastModified>2026-01-01T00:00:00Z</LastModified></Contents>',
    )
    .join('')}</ListBucketResult>`;
const records = names.map((name) => `refs/web/${name}`);
const goesOn = '<IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken>';

const wrong: [string, { status: number; body: string }][] = [
  ['404', { status: 404, body: '<Error><Code>NoSuchKey</Code></Error>' }],
  ['404 of the bucket', { status: 404, body: '<Error><Code>NoSuchBucket</Code></Error>' }],
  ['403', { status: 403, body: '<Error><Code>AccessDenied</Code></Error>' }],
  ['an empty 200', { status: 200, body: '' }],
  ['a 200 of HTML', { status: 200, body: '<html>it works</html>' }],
  ['a listing that is cut', { status: 200, body: listing('refs/', records).slice(0, -30) }],
  ['a listing of nothing', { status: 200, body: listing('refs/', []) }],
  ['a listing of other keys', { status: 200, body: listing('other/', []) }],
  ['a page again and again', { status: 200, body: listing('refs/', records, goesOn) }],
];
for (const [what, answer] of wrong)
  test(`the records are answered with ${what}: nothing is removed`, async () => {
    faulty.answers = (path) =>
      path.includes('list-type=2') && path.includes('prefix=refs%2F') ? answer : undefined;
    const why =
      /^Error: upstream tier \(http:\/\/127\.0\.0\.1:\d+\/sealgate\/\): (GET \?list-type=2&.*: |it has)/;
    await assert.rejects(open.collect(), why);
    for (const text of [...names, 'unnamed'])
      assert.equal((await ceph.ask('HEAD', `sha256/${sha256(text)}`)).status, 200, text);
  });

test('a record that is listed and answered with 404 ends the round as well', async () => {
  faulty.answers = (path) => (path.endsWith('/refs/web/b') ? { status: 404, body: '' } : undefined);
  await assert.rejects(open.collect(), /GET refs\/web\/b: a record that was listed is answered with 404/);
  faulty.answers = (path) => (path.endsWith('/gc/state') ? { status: 200, body: '{' } : undefined);
  await assert.rejects(open.collect(), /GET gc\/state: the state of collection cannot be read/);
  assert.equal((await ceph.ask('HEAD', `sha256/${sha256('unnamed')}`)).status, 200);
});

test('with honest answers the same round removes what is unnamed, and that alone', async () => {
  faulty.answers = () => undefined;
  await until(
    async () => {
      await open.collect();
      return (await ceph.ask('HEAD', `sha256/${sha256('unnamed')}`)).status;
    },
    (status) => status === 404,
    'it is removed',
  );
  for (const text of names) assert.equal((await ceph.ask('HEAD', `sha256/${sha256(text)}`)).status, 200);
});
