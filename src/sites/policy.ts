// Policy: what a site's settings make of the answers of its protocol.

import type { Handle } from '../engine/bridge.ts';
import type { Answer } from '../engine/plan.ts';
import { type Caching, cachingBy } from './caching.ts';
import { preflight } from './cors.ts';
import type { Mount } from './mount.ts';
import { seenPath } from './paths.ts';
import { siteFields } from './site_fields.ts';

/** Undefined: the mount has no rules. */
export function cachingOf({ site }: Mount): Caching | undefined {
  const { caching = [], hashedNames = false } = site ?? {};
  return caching.length > 0 || hashedNames ? cachingBy(caching, hashedNames) : undefined;
}

/**
 * Media types that no browser takes for a page, or that it shows with rights of nobody. Every other one is
 * sandboxed: text/xsl and text/rdf are XML to some browsers, and multipart/x-mixed-replace holds pages.
 */
const inertTypes = [
  '(?:image|audio|video|font)/[a-z0-9.-]+',
  'text/(?:plain|css|csv|javascript|markdown|vtt)',
  'application/(?:json|javascript|octet-stream|pdf|wasm|zip|gzip|x-tar|zstd|ogg|mp4)',
  'application/(?:vnd[.]apple[.]mpegurl|x-mpegurl)',
];
const inert = new RegExp(`^(?:${inertTypes.join('|')}) *(?:;|$)`, 'i');

/** The application of a mount, by its site's settings. */
export function withPolicy(handle: Handle, { site, protocol }: Mount): Handle {
  const dress = siteFields(site ?? {});
  const cors = site?.cors;
  const sandboxed = protocol === 'objects' && site?.webContent !== true;
  const dressed = (answer: Answer, path: string | undefined): Answer => {
    if (answer.kind === 'receive') return answer;
    const plan = { ...answer, fields: dress(path, answer.fields) };
    if (plan.kind === 'respond' || !sandboxed || inert.test(plan.contentType)) return plan;
    return { ...plan, fields: [...plan.fields, ['Content-Security-Policy', 'sandbox']] };
  };
  return (request) => {
    const asked = cors && preflight(cors, request);
    if (asked) return asked;
    const path = site?.fields ? seenPath(request.path) : undefined;
    const answer = handle(request);
    return answer instanceof Promise
      ? answer.then((settled) => dressed(settled, path))
      : dressed(answer, path);
  };
}
