// Each resource says which methods it has.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { field, openTestApp, problemName } from '../../support/app.ts';

const app = await openTestApp();
after(() => app.close());

const allowed = {
  '/': 'GET, HEAD, OPTIONS',
  '/o/files/': 'GET, HEAD, PUT, OPTIONS',
  '/o/files/a/b': 'GET, HEAD, PUT, DELETE, COPY, OPTIONS',
  [`/sha256/${'0'.repeat(64)}`]: 'GET, HEAD, PUT, COPY, OPTIONS',
};

for (const [target, allow] of Object.entries(allowed)) {
  test(`${target.slice(0, 20)} allows ${allow}`, async () => {
    const options = await app.response('OPTIONS', target);
    assert.deepEqual([options.status, field(options, 'Allow'), options.body], [204, allow, '']);
    for (const method of ['PUT', 'DELETE', 'POST', 'PATCH', 'COPY'].filter((each) => !allow.includes(each))) {
      const refused = await app.response(method, target);
      assert.deepEqual([refused.status, problemName(refused)], [405, 'method-not-allowed']);
      assert.equal(field(refused, 'Allow'), allow);
    }
  });
}

test('OPTIONS * asks about the server as a whole', async () => {
  assert.equal((await app.response('OPTIONS', '*')).status, 204);
});
