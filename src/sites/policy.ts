// Policy: what a site's settings make of the answers of its protocol.

import type { Handle } from '../engine/bridge.ts';
import { type Answer, problem, type Receiver } from '../engine/plan.ts';
import { errors, SealgateError } from '../errors.ts';
import type { RespondPlan, ResponseField } from '../native/addon.ts';
import { publicLocation } from '../public_urls.ts';
import { hasVideoCaching, videoCachingOf } from '../video_site.ts';
import { type Caching, cachingBy } from './caching.ts';
import { withCmsd } from './cmsd.ts';
import { preflight } from './cors.ts';
import type { Mount } from './mount.ts';
import { seenPath } from './paths.ts';
import { siteFields } from './site_fields.ts';

/** Undefined: the mount has no rules. */
export function cachingOf({ site }: Mount): Caching | undefined {
  const { caching = [], hashedNames = false } = site ?? {};
  if (site && hasVideoCaching(site)) return cachingBy(caching, hashedNames, videoCachingOf);
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

/** The application of a mount, by its site's settings. Refusals, too, have the fields of the site. */
export function withPolicy(decide: Handle, mount: Mount, refusesItself = false): Handle {
  const { site, protocol } = mount;
  const handle = withCmsd(decide, mount);
  const dress = siteFields(site ?? {});
  const cors = site?.cors;
  const located = ([name, value]: ResponseField): ResponseField => [
    name,
    name === 'Location' ? publicLocation(site, value) : value,
  ];
  const sandboxed = protocol !== 'web' && site?.webContent !== true;
  const dressed = (answer: Answer, path: string | undefined): Answer => {
    if (answer.kind === 'receive') return dressedReceiver(answer, path);
    if (answer.kind === 'wait')
      return { ...answer, otherwise: dressed(answer.otherwise, path) as RespondPlan };
    const fields = site?.publicUrl === undefined ? answer.fields : answer.fields.map(located);
    const plan = { ...answer, fields: dress(path, fields) };
    if (plan.kind === 'respond' || !sandboxed || inert.test(plan.contentType)) return plan;
    return { ...plan, fields: [...plan.fields, ['Content-Security-Policy', 'sandbox']] };
  };
  const settled = (
    ask: () => Answer | Promise<Answer>,
    path: string | undefined,
  ): Answer | Promise<Answer> => {
    try {
      const answer = ask();
      if (!(answer instanceof Promise)) return dressed(answer, path);
      return answer.catch(refused).then((each) => dressed(each, path));
    } catch (error) {
      return dressed(refused(error), path);
    }
  };
  const dressedReceiver = (receiver: Receiver, path: string | undefined): Receiver => {
    const received = async (body: never) => settled(() => receiver.received(body), path);
    return { ...receiver, received } as Receiver;
  };
  return (request) => {
    if (request.refusal !== undefined && !refusesItself) return dressed(problem(request.refusal), undefined);
    const asked = cors && request.refusal === undefined && preflight(cors, request);
    if (asked) return asked;
    return settled(() => handle(request), site?.fields ? seenPath(request.path) : undefined);
  };
}

/** What the client did wrong as an answer; whatever else went wrong is thrown on. */
function refused(error: unknown): Answer {
  if (!(error instanceof SealgateError) || errors[error.code].source !== 'client') throw error;
  return problem(error.code, error.message, [], error);
}
