// A mirror of an apt repository whose Release files list as many indexes as are taken.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startMirrors, startUpstream } from '../../support/upstream.ts';

const indexes = 45_000;
const editions = 5;

/** A Release file with other indexes of packages than any other edition has. */
function release(edition: number): string {
  const lines = Array.from({ length: indexes }, (_, at) => {
    const digest = (edition * indexes + at).toString(16).padStart(64, '0');
    return ` ${digest} 10 main/binary-${at}/Packages.xz\n`;
  });
  return `Date: Fri, ${10 + edition} Nov 2026 10:00:00 UTC\nSHA256:\n${lines.join('')}`;
}

test('a package costs no more for huge Release files than it took to read one of them', async () => {
  let edition = 0;
  const upstream = await startUpstream(({ url = '' }, response) => {
    response.end(url.endsWith('/InRelease') ? release(edition) : 'package');
  });
  const rules = [{ match: '/apt/dists/*/InRelease', freshSeconds: 0 }];
  const { server, stop } = await startMirrors({ up: { url: upstream.url } }, [
    { path: '/apt/', upstreams: ['up'], mirror: { kind: 'apt', rules } },
  ]);
  const timed = async (path: string) => {
    const began = performance.now();
    assert.equal((await server.curl(path)).status, 200, path);
    return performance.now() - began;
  };
  try {
    const read: number[] = [];
    for (; edition < editions; edition++)
      for (const suite of ['stable', 'testing', 'sid'])
        read.push(await timed(`/apt/dists/${suite}/InRelease`));
    const took = [await timed('/apt/pool/a_1_all.deb'), await timed('/apt/pool/b_1_all.deb')];
    assert.ok(Math.min(...took) < Math.max(...read), `packages: ${took} ms, Release files: ${read} ms`);
  } finally {
    await stop();
    upstream.close();
  }
});
