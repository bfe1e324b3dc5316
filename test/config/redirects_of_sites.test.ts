// Redirects of sites: those that no client would get out of, or that never count, are refused.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faults } from '../support/site_faults.ts';

const web = { bucket: 'web' };

test('two redirects in a circle are refused, and a chain that ends is not', async () => {
  const rules = (...pairs: [string, string][]) => ({
    ...web,
    redirects: pairs.map(([from, to]) => ({ from, to })),
  });
  assert.match((await faults(rules(['/a', '/b'], ['/b', '/a'])))[0] ?? '', /redirects\.0\.to/);
  assert.deepEqual(await faults(rules(['/a', '/b'], ['/b', '/c'], ['/c/**', '/d/$1'])), []);
  assert.deepEqual(await faults(rules(['/**', 'https://elsewhere.test/$1'])), []);
});

test('redirects of two sites that send to each other are refused, also by their hosts', async () => {
  const sent = (host: string, path: string, from: string, to: string) => ({
    ...{ ...web, host, path, redirects: [{ from, to }] },
  });
  const hosts = await faults(
    sent('a.test', '/', '/**', 'https://b.test/$1'),
    sent('*.test', '/', '/x/*', 'http://a.test/x/$1'),
  );
  assert.deepEqual(
    hosts.map((each) => each.replace(/: .*/, '')),
    ['1.redirects.0.to'],
  );
  const paths = await faults(
    sent('a.test', '/', '/old/**', '/d/$1'),
    sent('a.test', '/d/', '/d/**', '/old/$1'),
    sent('*', '/', '/d/**', 'https://a.test/elsewhere/$1'),
  );
  assert.deepEqual(
    paths.map((each) => each.replace(/: .*/, '')),
    ['0.redirects.0.to', '1.redirects.0.to'],
  );
});

test('a redirect behind one that matches the same is refused', async () => {
  const redirects = [
    { from: '/a/*', to: '/b' },
    { from: '/a/*', to: '/c' },
  ];
  assert.match(
    (await faults({ ...web, redirects }))[0] ?? '',
    /redirects\.1\.from: .*redirects\.0 comes first/,
  );
});
