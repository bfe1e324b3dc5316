// The templates of docs/purging.md, pointed at a receiver on loopback.

import { readFile } from 'node:fs/promises';

interface Request {
  url: string;
}
export interface Hook {
  name: string;
  request: Request;
  everything: Request;
}

/** @param to the origin that takes the place of the service's. */
export async function documentedHook(name: string, to: string, more: object = {}): Promise<Hook> {
  const text = await readFile(new URL('../../docs/purging.md', import.meta.url), 'utf8');
  const all = [...text.matchAll(/```json\n(\{\n[^`]+)```/g)].map(([, json = '']) => JSON.parse(json) as Hook);
  const hook = all.find((each) => each.name === name);
  if (!hook) throw new Error(`docs/purging.md has no hook ${name}`);
  const there = (request: Request) => ({ ...request, url: request.url.replace(/^https?:\/\/[^/{]+/, to) });
  return { ...hook, request: there(hook.request), everything: there(hook.everything), ...more };
}

/** The VCL of the document, for a backend. */
export async function documentedVcl(backend: { host: string; port: number }): Promise<string> {
  const text = await readFile(new URL('../../docs/purging.md', import.meta.url), 'utf8');
  const vcl = /```vcl\n([^`]+)```/.exec(text)?.[1] ?? '';
  return `vcl 4.1;\nbackend default { .host = "${backend.host}"; .port = "${backend.port}"; }\n${vcl}`;
}
