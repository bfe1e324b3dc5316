// An upstream for mirrors: a real server on loopback, whose answers a test makes.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createRawServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createSite, type Site, TestServer } from './server.ts';
import { until } from './wait.ts';

type Answering = (request: IncomingMessage, response: ServerResponse) => void;

export interface TestUpstream {
  /** With a slash at its end. */
  url: string;
  port: number;
  /** Method and target of each request, in order. */
  asked: string[];
  /** The fields of each. */
  fields: IncomingMessage['headers'][];
  answer: Answering;
  close(): void;
}

/** @param answer may be replaced later. */
export async function startUpstream(answer: Answering): Promise<TestUpstream> {
  const server = createServer((request, response) => {
    upstream.asked.push(`${request.method} ${request.url}`);
    upstream.fields.push(request.headers);
    upstream.answer(request, response);
  });
  const { url, port } = await listening(server);
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  const upstream: TestUpstream = { url, port, asked: [], fields: [], answer, close };
  return upstream;
}

/** A server that says what no HTTP library would. @param talk gets each connection once a head has come. */
export async function startRawUpstream(
  talk: (socket: Socket, head: string) => void,
): Promise<Pick<TestUpstream, 'url' | 'port' | 'asked' | 'close'>> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const server = createRawServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (data) => {
      const head = data.toString('latin1');
      asked.push(head.split('\r\n')[0]?.replace(' HTTP/1.1', '') ?? '');
      talk(socket, head);
    });
  });
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { ...(await listening(server)), asked, close };
}

async function listening(server: Server): Promise<{ url: string; port: number }> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/`, port };
}

export interface MirrorServer {
  site: Site;
  server: TestServer;
  /** Waits until the log says so. */
  logged(what: RegExp): Promise<string>;
  /** Resolves with the status of its end. */
  stop(): Promise<number | NodeJS.Signals>;
}

/**
 * A server with such sites over the bucket `mirror`, versioned, which is read below /o/, too.
 * @param upstreams settings by name. @param secrets files beside the configuration.
 * @param settings further ones.
 */
export async function startMirrors(
  upstreams: Record<string, Record<string, unknown>>,
  sites: Record<string, unknown>[],
  secrets: Record<string, string> = {},
  settings: Record<string, unknown> = {},
): Promise<MirrorServer> {
  const mirrors = sites.map((site) => ({ protocol: 'mirror', bucket: 'mirror', ...site }));
  const site = await createSite({
    buckets: { mirror: 'versioned', files: 'write-once' },
    drain: { lameDuckSeconds: 0, graceSeconds: 1 },
    upstreams,
    sites: [...mirrors, { path: '/', protocol: 'objects' }],
    ...settings,
  });
  for (const [name, text] of Object.entries(secrets))
    await writeFile(join(site.dir, name), text, { mode: 0o600 });
  const listen = ['--listen', 'https://127.0.0.1:0', '--listen', 'http://127.0.0.1:0'];
  const server = await TestServer.start(site, '--workers', '2', ...listen);
  return {
    site,
    server,
    logged: (what) => until(server.log, (log) => what.test(log), `the log has no ${what}`),
    stop: async () => {
      const status = await server.stop();
      await site.remove();
      return status;
    },
  };
}

/** A body of other bytes than it is to have is cut; where all of it had come before the answer began, 502. */
export async function assertRefused(server: TestServer, path: string): Promise<void> {
  const status = await server.curl(path).then(
    (answer) => answer.status,
    () => 'cut',
  );
  assert.ok([502, 503, 'cut'].includes(status), `${status}`);
}
