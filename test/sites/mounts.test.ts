// Mounts: what each serves, and what the engine is told of them. Which one a request is for, the engine says
// (native/test/server/mounts_test.cc).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineRequest } from '../../src/engine/engine_request.ts';
import { respond } from '../../src/engine/plan.ts';
import type { Mount, Protocol, Services } from '../../src/sites/mount.ts';
import { Mounts } from '../../src/sites/mounts.ts';
import { Resources } from '../../src/sites/resources.ts';

const noServices = { openReads: true } as Services;
/** Answers with the place of its mount. */
const place: Protocol = {
  parameters: ['version'],
  serve:
    (_, { host, path }) =>
    () =>
      respond(200, [], `${host}${path}`),
};

const at = (place: string, protocol = 'place'): Mount => {
  const slash = place.indexOf('/');
  return { host: place.slice(0, slash), path: place.slice(slash), protocol };
};
const table = (...mounts: Mount[]) => new Mounts(mounts, { place }, noServices);
const asked = (mount: number, target: string) =>
  new EngineRequest({
    mount,
    method: 'GET',
    target,
    head: '',
    codings: 0,
    authority: '',
    hasBody: false,
    subject: '',
  });

test('the engine is told of each mount its place and what counts in a query, and asks by its id', () => {
  const places = ['*/', 'x.example/a/', '*.example/'];
  const { handle, table: told } = table(...places.map((each) => at(each)));
  assert.deepEqual(
    told.map(({ host, path }) => host + path),
    places,
  );
  assert.equal(new Set(told.map(({ id }) => id)).size, places.length);
  for (const { id, host, path, parameters } of told) {
    const answer = handle(asked(id, '/'));
    assert.equal('body' in answer && answer.body, host + path);
    assert.deepEqual(parameters, ['version']);
  }
});

test('a request that the engine found no mount for is answered 404', () => {
  const answer = table(at('*/a/')).handle(asked(0, '/b'));
  assert.equal('status' in answer && answer.status, 404);
});

test('a mount in the place of another, or of what is not there, is refused with the reason', () => {
  assert.throws(() => table(at('*/a/'), at('*/'), at('*/a/')), /Two mounts at host \* and path \/a\//);
  assert.throws(() => table(at('*/a')), /begins and ends with a slash/);
  for (const path of ['/a?b/', '/a#b/', '/a b/', '/ä/'])
    assert.throws(() => table(at(`*${path}`)), /as clients send it/, path);
  assert.throws(() => table(at('X.example/')), /in lower case/);
  assert.throws(() => table(at('x.example:80/')), /without a port/);
  assert.throws(() => table(at('*/', 'constructor')), /no protocol constructor; there is place/);
});

test('captures are as they were sent, and the first path that was named answers', () => {
  const { handle } = new Resources({ path: '/m/' })
    .at('/one/:a', { GET: (_, { a }) => respond(200, [], a) })
    .at('/:b/:rest{.+}', { GET: (_, { b, rest }) => respond(200, [], `${b}|${rest}`) });
  const cases = { '/m/one/x%2Fy': 'x%2Fy', '/m/two/a//b/': 'two|a//b/', '/m/one/x/': 'one|x/' };
  for (const [target, expected] of Object.entries(cases)) {
    const answer = handle(asked(1, target));
    assert.equal('body' in answer && answer.body, expected, target);
  }
});
