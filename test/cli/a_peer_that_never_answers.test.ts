// Requests that Sealgate makes end by a timer of their own: to a peer that accepts and says nothing, to one
// to which no connection is ever made, and where a transfer stops half-way. What goes on slowly does not end.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { after, test } from 'node:test';
import { ControlClient } from '../../src/cli/control_client.ts';
import { HttpClient } from '../../src/cli/http_client.ts';
import { Sender } from '../../src/purge/sender.ts';
import { fetchDigest } from '../../src/rollout/fetch_digest.ts';
import { makeAuthority } from '../support/certificates.ts';

/** Milliseconds without a byte, after which a request has failed. */
const patience = 400;

/** What ends behind all tests. Bun runs a hook that is made in a test behind that test. */
const ends: (() => unknown)[] = [];
after(async () => {
  for (const end of ends) await end();
});

/** The port of a server that does so with each connection. */
async function peer(does: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    does(socket);
    ends.push(() => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => server.close());
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

// The queue of a socket that nobody accepts from is full, so the kernel drops further SYNs.
const queueFull = `
import socket, sys
listening = socket.socket()
listening.bind(("127.0.0.1", 0))
listening.listen(0)
waiting = []
while True:
    waiting.append(socket.socket())
    waiting[-1].settimeout(0.3)
    try:
        waiting[-1].connect(listening.getsockname())
    except TimeoutError:
        break
print(listening.getsockname()[1], flush=True)
sys.stdin.read()
`;

async function portThatConnectsNobody(): Promise<number> {
  const child = spawn('python3', ['-c', queueFull], { stdio: ['pipe', 'pipe', 'inherit'] });
  ends.push(async () => {
    child.stdin.end();
    if (child.exitCode === null) await once(child, 'exit');
  });
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  return Number(line);
}

const dir = await mkdtemp(join(tmpdir(), 'sealgate-test-'));
ends.push(() => rm(dir, { recursive: true, force: true }));
const { certificate: cacert } = await makeAuthority(dir, 'authority');
const silent = await peer((socket) => socket.resume());
const unreachable = await portThatConnectsNobody();
const sender = new Sender();
ends.push(() => sender.close());

async function asked(url: string, size?: number): Promise<unknown> {
  const client = new HttpClient(new URL(url), {}, patience);
  ends.push(() => client.close());
  const body = size === undefined ? {} : { body: { size, open: () => Readable.from([Buffer.alloc(size)]) } };
  return client.ask({ method: size === undefined ? 'GET' : 'PUT', path: '/o/files/a', ...body });
}

async function told(url: string): Promise<void> {
  const request = { method: 'POST', url, fields: {}, body: '' };
  const { fault } = await sender.send(request, patience, new AbortController().signal);
  if (fault !== undefined) throw new Error(fault);
}

function fetched(port: number, tls: boolean): Promise<unknown> {
  const listener = { host: '127.0.0.1', port, tls, http2: true };
  return fetchDigest({ listener, path: '/', serverName: 'x', token: '', maxBytes: 10 }, patience);
}

for (const [which, port] of [
  ['accepts and says nothing', silent],
  ['never connects', unreachable],
] as const)
  for (const scheme of ['http', 'https']) {
    const url = `${scheme}://127.0.0.1:${port}`;
    const requests: [string, () => Promise<unknown>][] = [
      ['GET of a command', () => asked(url)],
      ['upload of a command', () => asked(url, 10)],
      [
        'request to the control plane',
        async () => (await ControlClient.of({ control: url, cacert }, patience)).get('/'),
      ],
      ['purge hook', () => told(url)],
      ['fetch of the sentinel', () => fetched(port, scheme === 'https')],
    ];
    for (const [what, request] of requests) {
      // All at a time: commands try again for some seconds.
      const said = request().then(
        () => 'it was answered',
        ({ message }) => message,
      );
      test(`${what}, ${scheme}, to a peer that ${which}: it fails, and says after which time`, async () => {
        assert.match(await said, /no answer in 0\.4 s/);
      });
    }
  }

const head = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n';

test('an answer that stops half-way: a command fails, whether it wants the whole or pieces', async () => {
  const port = await peer((socket) => socket.on('data', () => socket.write(`${head}half`)));
  await assert.rejects(asked(`http://127.0.0.1:${port}`), /no answer in 0\.4 s/);
  const client = new HttpClient(new URL(`http://127.0.0.1:${port}`), {}, patience);
  ends.push(() => client.close());
  let text = '';
  await assert.rejects(async () => {
    for await (const piece of client.bytes(await client.open({ method: 'GET', path: '/' }))) text += piece;
  }, /no answer in 0\.4 s/);
  assert.equal(text, 'half');
});

test('an upload of which the server takes no more: the command fails', async () => {
  const port = await peer((socket) =>
    socket.once('data', () => socket.pause().write('HTTP/1.1 100 Continue\r\n\r\n')),
  );
  await assert.rejects(asked(`http://127.0.0.1:${port}`, 64 * 2 ** 20), /no answer in 0\.4 s/);
});

test('a body that comes slowly, and longer than the patience: it is read to its end', async () => {
  const port = await peer((socket) =>
    socket.on('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n');
      let sent = 0;
      const timer = setInterval(() => {
        socket.write('a');
        if (++sent === 40) clearInterval(timer);
      }, 100);
    }),
  );
  const client = new HttpClient(new URL(`http://127.0.0.1:${port}`), {}, 3000);
  ends.push(() => client.close());
  const whole = client.ask({ method: 'GET', path: '/' });
  let text = '';
  for await (const piece of client.bytes(await client.open({ method: 'GET', path: '/' }))) text += piece;
  assert.equal(text, 'a'.repeat(40));
  assert.equal((await whole).text, text);
});

test('pieces that their reader takes late: no fault', async () => {
  const port = await peer((socket) => socket.on('data', () => socket.write(`${head}0123456789`)));
  const client = new HttpClient(new URL(`http://127.0.0.1:${port}`), {}, patience);
  ends.push(() => client.close());
  const response = await client.open({ method: 'GET', path: '/' });
  await new Promise((resolve) => setTimeout(resolve, 2 * patience));
  let text = '';
  for await (const piece of client.bytes(response)) text += piece;
  assert.equal(text, '0123456789');
});
