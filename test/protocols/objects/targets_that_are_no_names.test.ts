// Paths that are no names are refused before the store is asked, and never become other names.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openTestApp, problemName } from '../../support/app.ts';

const app = await openTestApp();
after(() => app.close());

const invalid = [
  '/o/files/../secret',
  '/o/files/%2e%2e/secret',
  '/o/files/a/./b',
  '/o/files/a%2Fb',
  '/o/files/a//b',
  '/o/files/a/',
  '/o/files/%00',
  '/o/files/a%0Ab',
  '/o/files/a%5Cb',
  '/o/files/%zz',
  '/o/files/%ff',
  '/o/%2e%2e/a',
  '/o/Files/a',
  `/o/files/${'a'.repeat(1025)}`,
  `/sha256/${'A'.repeat(64)}`,
  '/sha256/0123',
];

for (const target of invalid) {
  test(`${target.slice(0, 60)} is refused with 400`, async () => {
    for (const method of ['GET', 'PUT']) {
      const refusal = await app.response(method, target, 'Content-Length: 0');
      assert.deepEqual([refusal.status, problemName(refusal)], [400, 'target-invalid']);
    }
  });
}

test('paths outside of every resource are 404', async () => {
  // What is left of /o/files when its end is taken for the slash of a listing.
  await app.store.createBucket('file', 'versioned');
  for (const target of ['/etc/passwd', '/../etc/passwd', '/o', '/sha256/', '//o/files/a']) {
    assert.equal((await app.response('GET', target)).status, 404, target);
  }
});
