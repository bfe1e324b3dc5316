// Ticket keys are replaced on schedule: a session can be resumed for two replacements, not longer.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { exchange } from './support.ts';

const site = await createSite({ tls: { ticketKeySeconds: 1 } });
const server = await TestServer.start(site, '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});

const last = 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
const saved = join(site.dir, 'session');
const visit = async (...args: string[]) =>
  /\n(New|Reused), TLS/.exec((await exchange(server.url, site, last, ...args)).stdout)?.[1];

test('a session is resumed until its ticket key has been replaced twice', async () => {
  assert.equal(await visit('-sess_out', saved), 'New');
  assert.equal(await visit('-sess_in', saved), 'Reused');
  await until(
    () => visit('-sess_in', saved),
    (kind) => kind === 'New',
    'the handshake',
  );
});
