// Places: which mount the normal form of a path belongs to. The engine finds mounts by the path as it was
// sent, since kept plans are found by that, too. So `/x/../d/` and `//d/` are for another mount than `/d/`,
// although protocols that resolve paths mean the same by them: such a request is sent on, so that nobody gets
// round what the narrower site says.

import type { Handle } from '../engine/bridge.ts';
import type { EngineRequest } from '../engine/engine_request.ts';
import { type Answer, problem, respond } from '../engine/plan.ts';
import { addon, type EngineMount, type MountTable, type RespondPlan } from '../native/addon.ts';
import { publicLocation } from '../public_urls.ts';
import { encodedPath, withQuery } from '../redirects.ts';
import type { Mount } from './mount.ts';
import { isOdd, normalPath } from './paths.ts';

export class Places {
  readonly #mounts: ReadonlyMap<number, Mount>;
  readonly #find: MountTable;

  /** @param table what the engine is told of the mounts, in their order. */
  constructor(mounts: readonly Mount[], table: readonly EngineMount[]) {
    this.#mounts = new Map(mounts.map((mount, at) => [table[at]?.id ?? 0, mount]));
    this.#find = addon.mountTable(table.map((each) => ({ ...each, path: plainPath(each) })));
  }

  /** Sends a request on to the normal form of its path; undefined: that is for the same mount, or none. */
  elsewhere(request: EngineRequest, own: Mount | undefined): RespondPlan | undefined {
    const normal = isOdd(request.path) ? normalPath(request.path) : undefined;
    const there = normal === undefined ? undefined : this.#of(request, normal);
    if (normal === undefined || !there || (own && isSamePlace(there, own))) return undefined;
    if (there.protocol !== 'web' || !isRead(request))
      return problem('target-invalid', 'The request path belongs to another site in its normal form.');
    const to = there.path + encodedPath(normal.slice(plainPath(there).length));
    return sentOn(308, publicLocation(there.site, to), request);
  }

  /** Where a web site is that is what the request asks for with a slash at its end. */
  siteBelow(request: EngineRequest): string | undefined {
    const normal = normalPath(request.path);
    if (normal === undefined || normal.endsWith('/') || !isRead(request)) return undefined;
    const there = this.#of(request, `${normal}/`);
    return there?.protocol === 'web' && plainPath(there) === `${normal}/`
      ? publicLocation(there.site, there.path)
      : undefined;
  }

  #of({ authority }: EngineRequest, normal: string): Mount | undefined {
    return this.#mounts.get(this.#find(authority, normal));
  }
}

/**
 * The application of a mount, for requests whose path belongs to it in its normal form, too. What it does not
 * have may be a site, with a slash at the end.
 */
export function inPlace(handle: Handle, own: Mount | undefined, places: () => Places): Handle {
  const withSlash = (answer: Answer, request: EngineRequest): Answer => {
    if (!('problem' in answer) || answer.problem !== 'not-found' || answer.kind !== 'respond') return answer;
    const to = places().siteBelow(request);
    return to === undefined ? answer : sentOn(301, to, request);
  };
  return (request) => {
    const elsewhere = places().elsewhere(request, own);
    if (elsewhere) return elsewhere;
    const answer = handle(request);
    return answer instanceof Promise
      ? answer.then((settled) => withSlash(settled, request))
      : withSlash(answer, request);
  };
}

// Sites may change, so no cache may keep where a path is sent on to.
function sentOn(status: number, to: string, { url }: EngineRequest): RespondPlan {
  return respond(status, [
    ['Location', withQuery(to, url)],
    ['Cache-Control', 'no-cache'],
  ]);
}

function isRead({ method }: EngineRequest): boolean {
  return method === 'GET' || method === 'HEAD';
}

function isSamePlace(one: Mount, other: Mount): boolean {
  return one.host === other.host && one.path === other.path;
}

function plainPath({ path }: { path: string }): string {
  return path.includes('%') ? (normalPath(path) ?? path) : path;
}
