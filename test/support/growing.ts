// Growing: a server whose uploads below /o/live/ and /o/files/live/ are read while they arrive, and both ends
// of such an upload.

import { readFile } from 'node:fs/promises';
import { createSite, type Response, type Site, TestServer } from './server.ts';
import { until } from './wait.ts';
import { request, Wire } from './wire.ts';

export interface Growing {
  site: Site;
  server: TestServer;
  /** The listener without TLS. */
  clear: string;
  certificate: string;
  /** Begins to upload; the head is sent, and no byte of the body. @param fields that say how it is framed. */
  upload(path: string, ...fields: string[]): Promise<Uploading>;
  /** A reader that has the head of the answer. Waits until there is something to read. */
  read(path: string, ...fields: string[]): Promise<Reading>;
  /** Starts a process that takes over. It listens elsewhere, as no address is fixed. */
  replace(): Promise<TestServer>;
  stop(): Promise<void>;
}

export interface Reading extends Pick<Response, 'status' | 'headers'> {
  wire: Wire;
}

export interface Uploading {
  wire: Wire;
  /** A chunk of the body; an empty one is the last. */
  chunk(bytes: string | Uint8Array): void;
  /** The answer to a body that was sent whole. */
  answer(): Promise<Response>;
}

const sites = [
  { protocol: 'objects', readWhileWriting: ['/o/live/**', '/o/files/live/**'] },
  { host: 'players.test', bucket: 'live', readWhileWriting: ['/**'] },
  { host: 'others.test', bucket: 'live' },
];

/** @param settings of the configuration. */
export async function growing(settings: Record<string, unknown> = {}): Promise<Growing> {
  const buckets = { files: 'write-once', live: 'versioned' };
  const site = await createSite({ sites, buckets, ...settings });
  const listen = ['--listen', 'https://127.0.0.1:0', '--listen', 'http://127.0.0.1:0'];
  const start = (...more: string[]) => TestServer.start(site, '--workers', '2', ...listen, ...more);
  const server = await start();
  const clear = server.urls[1] ?? '';
  const certificate = await readFile(site.certificate, 'utf8');
  return {
    ...{ site, server, clear, certificate },
    upload: (path, ...fields) => uploading(clear, path, `Authorization: Bearer ${site.token}`, ...fields),
    read: (path, ...fields) => reading(clear, path, ...fields),
    replace: () => start('--replace'),
    stop: async () => {
      await server.stop();
      await site.remove();
    },
  };
}

async function uploading(url: string, path: string, ...fields: string[]): Promise<Uploading> {
  return uploadingBy(await Wire.open(url), path, ...fields);
}

/** See Growing.upload: on a connection that there is already. */
export function uploadingBy(wire: Wire, path: string, ...fields: string[]): Uploading {
  const isFramed = fields.some((line) => /^content-length:/i.test(line));
  wire.send(request('PUT', path, ...fields, ...(isFramed ? [] : ['Transfer-Encoding: chunked'])));
  const chunk = (bytes: string | Uint8Array) => {
    const body = Buffer.from(bytes);
    wire.send(Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n')]));
  };
  return { wire, chunk, answer: () => wire.response('PUT') };
}

/** See Growing.read: of any server. */
export async function reading(url: string, path: string, ...fields: string[]): Promise<Reading> {
  const ask = async (): Promise<Reading> => {
    const wire = await Wire.open(url);
    wire.send(request('GET', path, ...fields));
    const head = await wire.head();
    if (head.status === 404) wire.close();
    return { wire, ...head };
  };
  // The upload that was begun may not have been heard of yet.
  return until(ask, ({ status }) => status !== 404, `GET ${path}`);
}
