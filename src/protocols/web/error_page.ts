// What a web site answers when it has nothing to deliver: the object that the site names for the status, or
// the one line of JSON that says what is wrong.

import type { EngineRequest } from '../../engine/engine_request.ts';
import { type Decision, deliver, type ProblemPlan, problemFrom } from '../../engine/plan.ts';
import type { ResponseField } from '../../native/addon.ts';
import type { WebSite } from './web_site.ts';

export async function errorPage(site: WebSite, request: EngineRequest, error: unknown): Promise<Decision> {
  const { services, settings } = site;
  const scope = (services.isPublic ?? services.openReads) ? 'public' : 'private';
  const refusal = cacheable(problemFrom(error, services.log, request.path), scope, settings.notFoundMaxAge);
  const { status } = refusal;
  const name = status === 404 ? settings.notFound : settings.errorPages?.[status];
  return (name === undefined ? undefined : await pageFor(site, refusal, name)) ?? refusal;
}

function cacheable(refusal: ProblemPlan, scope: 'public' | 'private', maxAge = 0): ProblemPlan {
  if (refusal.status !== 404 || maxAge === 0) return refusal;
  const others = refusal.fields.filter(([name]) => name !== 'Cache-Control');
  return { ...refusal, fields: [...others, ['Cache-Control', `${scope}, max-age=${maxAge}`]] };
}

/** Undefined: the page cannot be delivered just now; why the request was refused matters more than that. */
async function pageFor(site: WebSite, refusal: ProblemPlan, name: string): Promise<Decision | undefined> {
  const { services, bucket, prefix } = site;
  const found = await services.objects.get({ bucket, name: prefix + name }).catch(() => undefined);
  if (!found || found.blob instanceof Promise) return undefined;
  const said = (field: ResponseField) => !['Content-Type', 'Cache-Control'].includes(field[0]);
  const plan = deliver(found.blob, {
    contentType: found.ref.mediaType,
    fields: found.ref.fields,
    freshness: 'revalidate',
    cacheControl: refusal.fields.find(([each]) => each === 'Cache-Control')?.[1],
    status: refusal.status,
    more: refusal.fields.filter(said),
    grant: '',
    created: undefined,
    // Not kept: a new name takes the place of the page at once, and moves no epoch.
    cache: undefined,
    floor: found.floor,
  });
  // By its problem the refusal is counted.
  return { ...plan, problem: refusal.problem } as Decision;
}
