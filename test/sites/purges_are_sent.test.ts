// How requests of purge hooks are sent: one receiver's ways hold up nothing else, and leave nothing behind.

import assert from 'node:assert/strict';
import { getEventListeners, once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { after, test } from 'node:test';
import { Sender } from '../../src/purge/sender.ts';

const sender = new Sender();
after(() => sender.close());

/** The origin of a server that is stopped behind all tests. */
async function listening(server: Server, stop: () => void = () => {}): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => {
    stop();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function answering(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  return listening(server, () => server.closeAllConnections());
}

async function send(url: string, timeoutMs = 5000) {
  const ending = new AbortController();
  const taken = await sender.send({ method: 'POST', url, fields: {}, body: '' }, timeoutMs, ending.signal);
  return { taken, listeners: getEventListeners(ending.signal, 'abort').length };
}

test('a receiver that changes the protocol: a fault, and nobody waits for the end any more', async () => {
  const server = createTcpServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'),
    );
  });
  const { taken, listeners } = await send(await listening(server), 500);
  assert.match(taken.fault ?? '', /^it cannot be reached/);
  assert.equal(listeners, 0);
});

test('many requests of other hooks to a host that hangs: one is answered at once', async () => {
  const to = await answering(({ url }, response) => void (url === '/ok' && response.end()));
  const hanging = Array.from({ length: 8 }, () => send(`${to}/hangs`, 2000));
  assert.deepEqual((await send(`${to}/ok`, 1000)).taken, {});
  for (const { taken } of await Promise.all(hanging))
    assert.equal(taken.fault, 'it cannot be reached (no answer in 2 s)');
});

test('an answer without an end: 200 is success, and 500 is a fault', async () => {
  const to = await answering(({ url }, response) => {
    response.writeHead(url === '/ok' ? 200 : 500);
    const more = () => {
      while (response.write(Buffer.alloc(16_384, 'a')));
    };
    response.on('drain', more);
    more();
  });
  const [ok, wrong] = await Promise.all(['/ok', '/wrong'].map((path) => send(to + path)));
  assert.deepEqual([ok?.taken, ok?.listeners], [{}, 0]);
  assert.deepEqual(wrong?.taken, { fault: 'it cannot be reached (its answer is too long)' });
});
