// The table of mounts: which of them answers a request, by its Host and its path.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineRequest } from '../../src/engine/engine_request.ts';
import { respond } from '../../src/engine/plan.ts';
import type { DeliverPlan, SealRecord } from '../../src/native/addon.ts';
import type { Mount, Protocol, Services } from '../../src/sites/mount.ts';
import { mounted } from '../../src/sites/mounts.ts';
import { Resources } from '../../src/sites/resources.ts';

const noServices = {} as Services;
/** Answers with the place of its mount. */
const place: Protocol =
  (_, { host, path }) =>
  () =>
    respond(200, [], `${host}${path}`);
const plan: DeliverPlan = {
  kind: 'deliver',
  blob: {} as SealRecord,
  contentType: 'text/plain',
  fields: [],
  lastModified: 0,
  cache: { slot: 1, epoch: 1 },
};
const deliver: Protocol = () => () => plan;

const at = (place: string, protocol = 'place'): Mount => {
  const slash = place.indexOf('/');
  return { host: place.slice(0, slash), path: place.slice(slash), protocol };
};
const table = (...mounts: Mount[]) => mounted(mounts, { place, deliver }, noServices);
type Table = ReturnType<typeof table>;
const ask = (handle: Table, host: string, target: string) =>
  handle(
    new EngineRequest({ method: 'GET', target, head: '', authority: host, hasBody: false, subject: '' }),
  );

const sites = [
  '*/',
  '*/a/',
  '*/a/b/',
  'x.example/',
  'x.example/a/',
  '*.example/',
  '*.x.example/',
  'y.test/a/',
];
const cases: [host: string, target: string, expected: string][] = [
  ['other.test', '/', '*/'],
  ['other.test', '/a', '*/'],
  ['other.test', '/a/', '*/a/'],
  ['other.test', '/a/b/c?/a/', '*/a/b/'],
  ['other.test', '/ab/', '*/'],
  ['x.example', '/', 'x.example/'],
  ['x.example', '/a/b/c', 'x.example/a/'],
  ['X.Example.:8443', '/a/', 'x.example/a/'],
  ['z.example', '/a/', '*.example/'],
  ['deep.x.example', '/', '*.x.example/'],
  ['example', '/', '*/'],
  ['.example', '/', '*/'],
  ['y.test', '/a/b/', 'y.test/a/'],
  ['y.test', '/b/', '*/'],
  ['y.test.example', '/a/', '*.example/'],
  ['', '/', '*/'],
];

test('the most specific host answers, then the longest path; the rest falls back to wider hosts', () => {
  // The order in which mounts are named decides nothing.
  for (const order of [sites, sites.toReversed()]) {
    const handle = table(...order.map((each) => at(each)));
    for (const [host, target, expected] of cases) {
      const answer = ask(handle, host, target);
      assert.equal('body' in answer && answer.body, expected, `${host}${target}`);
    }
  }
});

test('a path that no mount covers is not found', () => {
  const answer = ask(table(at('*/a/'), at('x.example/')), 'other.test', '/b');
  assert.equal('status' in answer && answer.status, 404);
});

test('a plan is kept where the path alone decides, and not where the host does', () => {
  const kept = (handle: Table, host: string, target: string) => !('varies' in ask(handle, host, target));
  assert.ok(kept(table(at('*/', 'deliver')), 'x.example', '/a/b'));
  const both = table(at('*/', 'deliver'), at('x.example/a/', 'deliver'));
  assert.ok(kept(both, 'x.example', '/b'));
  assert.ok(!kept(both, 'x.example', '/a/b'));
  assert.ok(!kept(both, 'y.example', '/a/b'), 'the same path of another host');
});

test('a mount in the place of another, or of what is not there, is refused with the reason', () => {
  assert.throws(() => table(at('*/a/'), at('*/'), at('*/a/')), /Two mounts at host \* and path \/a\//);
  assert.throws(() => table(at('*/a')), /begins and ends with a slash/);
  assert.throws(() => table(at('X.example/')), /in lower case/);
  assert.throws(() => table(at('x.example:80/')), /without a port/);
  assert.throws(() => table(at('*/', 'constructor')), /no protocol constructor; there is place, deliver/);
});

test('captures are as they were sent, and the first path that was named answers', () => {
  const { handle } = new Resources({ path: '/m/' })
    .at('/one/:a', { GET: (_, { a }) => respond(200, [], a) })
    .at('/:b/:rest{.+}', { GET: (_, { b, rest }) => respond(200, [], `${b}|${rest}`) });
  const cases = { '/m/one/x%2Fy': 'x%2Fy', '/m/two/a//b/': 'two|a//b/', '/m/one/x/': 'one|x/' };
  for (const [target, expected] of Object.entries(cases)) {
    const answer = ask(handle, 'x', target);
    assert.equal('body' in answer && answer.body, expected, target);
  }
});
