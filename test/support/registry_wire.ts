// A registry whose answers a test makes, to say what no real one would: a server on loopback.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Blob } from './registry.ts';
import { startUpstream, type TestUpstream } from './upstream.ts';

export interface WireRegistry extends TestUpstream {
  /** By path below /v2/. */
  has: Map<string, Served>;
  /** Before anything is sent. True: it was answered. */
  before: (request: IncomingMessage, response: ServerResponse) => boolean;
}

export interface Served {
  bytes: Buffer;
  type?: string;
  /** What Docker-Content-Digest says. */
  digest?: string;
}

export async function startWireRegistry(): Promise<WireRegistry> {
  const has = new Map<string, Served>();
  const started = await startUpstream((request, response) => {
    if (registry.before(request, response)) return;
    const served = has.get((request.url ?? '').replace(/^\/v2\//, ''));
    if (!served) return void response.writeHead(404).end('{}');
    const { bytes, type = 'application/octet-stream', digest } = served;
    response.setHeader('Content-Type', type);
    response.setHeader('Content-Length', bytes.length);
    if (digest !== undefined) response.setHeader('Docker-Content-Digest', digest);
    response.end(request.method === 'HEAD' ? undefined : bytes);
  });
  const registry: WireRegistry = Object.assign(started, { has, before: () => false });
  return registry;
}

/** What a registry has after a push of a manifest: it is there by its digest and by a tag. */
export function tagged(registry: WireRegistry, repository: string, tag: string, its: Blob, type: string) {
  const served = { bytes: its.bytes, type, digest: its.digest };
  registry.has.set(`${repository}/manifests/${tag}`, served);
  registry.has.set(`${repository}/manifests/${its.digest}`, served);
}
