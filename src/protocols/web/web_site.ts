// GET|HEAD of a path of a web site: a redirect, an object, the index of a folder, the listing of one, or what
// stands for that which is not there.

import type { Handle } from '../../engine/bridge.ts';
import { publicCaching } from '../../engine/caching.ts';
import type { EngineRequest } from '../../engine/engine_request.ts';
import { type Decision, problem, respond } from '../../engine/plan.ts';
import { SealgateError } from '../../errors.ts';
import type { ResponseField } from '../../native/addon.ts';
import { there } from '../../objects/found.ts';
import type { Found, Name } from '../../objects/objects.ts';
import { encodedPath, Redirects, withQuery } from '../../redirects.ts';
import { content, objectContent } from '../../sites/content.ts';
import { openToAll } from '../../sites/grants.ts';
import { foundOrGrowing, growingContent, isGrowing } from '../../sites/growing.ts';
import type { Mount, Services } from '../../sites/mount.ts';
import { seenPath } from '../../sites/paths.ts';
import { errorPage } from './error_page.ts';
import { listing } from './listing.ts';
import { type WebTarget, webTarget } from './target.ts';

/** A site, and what every part of its answer is made with. */
export interface WebSite {
  services: Services;
  bucket: string;
  /** What names in the bucket begin with. */
  prefix: string;
  /** The path of the mount, as clients send it. */
  path: string;
  settings: NonNullable<Mount['site']>;
}

const allow: ResponseField = ['Allow', 'GET, HEAD, OPTIONS'];

export function webSite(services: Services, { path, bucket = '', site: given }: Mount): Handle {
  const settings = given ?? { host: '*', path, protocol: 'web' as const };
  const site: WebSite = { services, bucket, prefix: settings.prefix ?? '', path, settings };
  const redirects = new Redirects(settings.redirects ?? []);
  return async (request) => {
    if (request.refusal !== undefined) return errorPage(site, request, new SealgateError(request.refusal));
    if (request.method === 'OPTIONS') return respond(204, [allow]);
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return problem('method-not-allowed', undefined, [allow]);
    try {
      const target = webTarget(request.path, path);
      const redirect = redirects.of(target.path);
      if (redirect) return redirected(redirect.status, withQuery(redirect.to, request.url), true);
      return await answer(site, request, target);
    } catch (error) {
      return errorPage(site, request, error);
    }
  };
}

/** @param isOpen everybody may know of it. */
function redirected(status: number, to: string, isOpen: boolean): Decision {
  const isLasting = isOpen && (status === 301 || status === 308);
  return respond(status, [
    ['Location', to],
    ['Cache-Control', isLasting ? 'public, max-age=3600' : 'no-cache'],
  ]);
}

async function answer(site: WebSite, request: EngineRequest, target: WebTarget): Promise<Decision> {
  const { services, bucket, settings } = site;
  const grant = services.authorize(request, 'read', bucket);
  const { name, isFolder } = target;
  const at = { bucket, name: nameOf(site, name, isFolder) };
  const found = await there(() => foundOrGrowing(services, request, at));
  if (found && isGrowing(found)) return growingContent(services, found, grant);
  if (found) return objectContent(services, request, found, grant);
  if (!isFolder && (await isFolderName(site, name))) {
    // Relative where a signature in the path is to stay in it.
    const relative = request.isSigned
      ? `./${encodedPath(name.split('/').at(-1) ?? '')}`
      : site.path + encodedPath(name);
    const to = withQuery(`${relative}/`, request.url);
    return redirected(301, to, services.isPublic ?? grant === openToAll);
  }
  const below = services.siteBelow?.(request);
  if (below !== undefined) return redirected(301, withQuery(below, request.url), false);
  const listed = isFolder && settings.listing === 'html' ? await listing(site, request, target) : undefined;
  if (listed) return listed;
  const standIn = settings.fallback;
  const fallback =
    standIn === undefined
      ? undefined
      : await there(() => services.objects.get({ bucket, name: site.prefix + standIn }));
  if (!fallback) throw new SealgateError('not-found');
  return fallbackPage(site, request, fallback, grant);
}

/** The object that a path names first. Throws as the site does. */
export function webName({ path: sitePath, bucket = '', site }: Mount, path: string): Name {
  const { name, isFolder } = webTarget(path, sitePath);
  const settings = site ?? { host: '*', path: sitePath, protocol: 'web' };
  return { bucket, name: nameOf({ prefix: settings.prefix ?? '', settings }, name, isFolder) };
}

function nameOf(
  { prefix, settings }: Pick<WebSite, 'prefix' | 'settings'>,
  name: string,
  isFolder: boolean,
): string {
  if (!isFolder) return prefix + name;
  return `${prefix}${name === '' ? '' : `${name}/`}${settings.index ?? 'index.html'}`;
}

/** Rules see it under its own name: what they say of the path is of an object that may be there later. */
function fallbackPage(
  { services, path, settings }: WebSite,
  request: EngineRequest,
  { ref, ...found }: Found,
  grant: string,
): Decision | Promise<Decision> {
  const recorded = ref.fields?.cacheControl;
  const own = seenPath(path + encodedPath(settings.fallback ?? '')) ?? path;
  return content(services, request, found, {
    contentType: ref.mediaType,
    fields: ref.fields,
    freshness: 'revalidate',
    cacheControl: services.caching?.(own, recorded) ?? recorded ?? publicCaching.revalidate,
    grant,
    created: ref.date,
    // Not kept: a new name takes the place of the fallback at once, and moves no epoch.
    cache: undefined,
  });
}

/** Whether a path without a slash at its end is that of a folder which has an index, or is listed. */
async function isFolderName(site: WebSite, name: string): Promise<boolean> {
  const { services, bucket, prefix, settings } = site;
  if (await there(() => services.objects.head({ bucket, name: nameOf(site, name, true) }))) return true;
  if (settings.listing !== 'html') return false;
  const { entries } = await services.objects.list(bucket, {
    prefix: `${prefix}${name}/`,
    after: '',
    limit: 1,
  });
  return entries.length > 0;
}
