// The end of a connection: close_notify is sent when the response was complete, so that a client can tell the
// end from a truncation; a truncated response ends without it.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { converse, exchange } from './support.ts';

const site = await createSite({ limits: { idleTimeout: 800, headTimeout: 800, stallTimeout: 1000 } });
const server = await TestServer.start(site, '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});

const objects = { small: 100, large: 3_000_000, huge: 64_000_000 };
for (const [name, size] of Object.entries(objects)) {
  await writeFile(join(site.dir, name), Buffer.alloc(size, 'end '));
  assert.equal((await server.put(`/o/files/${name}`, join(site.dir, name))).status, 201);
}
const head = (target: string) => `GET ${target} HTTP/1.1\r\nHost: localhost\r\n`;

const endings: Record<string, string> = {
  'Connection: close, small': `${head('/o/files/small')}Connection: close\r\n\r\n`,
  'Connection: close, large': `${head('/o/files/large')}Connection: close\r\n\r\n`,
  'Connection: close, not found': `${head('/o/files/none')}Connection: close\r\n\r\n`,
  'HTTP/1.0': 'GET /o/files/large HTTP/1.0\r\n\r\n',
  'a refusal': 'NONSENSE\r\n\r\n',
  'the head timeout': 'GET ',
  'the idle timeout': `${head('/o/files/small')}\r\n`,
  'the idle timeout, unused': '',
};
for (const version of ['-tls1_2', '-tls1_3']) {
  for (const [what, input] of Object.entries(endings)) {
    test(`${version} ${what} ends with close_notify`, async () => {
      const { stdout, stderr } = await exchange(server.url, site, input, version, '-msg');
      assert.match(stdout, /<<< TLS 1\.[23], Alert \[length 0002\], warning close_notify/);
      assert.doesNotMatch(stderr, /unexpected eof|error/i);
    });
  }
}

test('a truncated response ends without close_notify', async () => {
  const session = converse(server.url, site, '-msg', '-ign_eof');
  session.pause();
  session.type(`${head('/o/files/huge')}\r\n`);
  const stalls = () => server.metric('sealgate_write_stalls_total');
  await until(stalls, (count) => count === 1, 'write stalls');
  session.resume();
  const { stdout, stderr } = await session.ended();
  assert.match(stdout, /HTTP\/1\.1 200 OK/);
  assert.doesNotMatch(stdout, /<<< [^\n]+close_notify/);
  assert.match(stderr, /unexpected eof while reading/);
});
