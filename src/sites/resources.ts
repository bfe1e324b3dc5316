// Resources: which route answers which method of which path below a mount. Hono's routers match the path as
// it was sent, and captures are not decoded: what is a name is for the protocol to say.

import { RegExpRouter } from 'hono/router/reg-exp-router';
import { SmartRouter } from 'hono/router/smart-router';
import { TrieRouter } from 'hono/router/trie-router';
import type { Handle } from '../engine/bridge.ts';
import type { EngineRequest } from '../engine/engine_request.ts';
import { type Answer, problem, respond } from '../engine/plan.ts';
import type { ResponseField } from '../native/addon.ts';
import type { Mount } from './mount.ts';

type Method = 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE' | 'COPY';

/** What a path like `/o/:bucket/:name{.+}` captures. */
export type Captures<Path extends string> = Record<CaptureNames<Path>, string>;
type CaptureNames<Path extends string> = Path extends `${string}:${infer Rest}`
  ? Rest extends `${infer Segment}/${infer More}`
    ? NameOf<Segment> | CaptureNames<`/${More}`>
    : NameOf<Rest>
  : never;
type NameOf<Segment extends string> = Segment extends `${infer Name}{${string}` ? Name : Segment;

/** What one route does with a request. Refusals are thrown as SealgateError. */
export type Route<Path extends string = ''> = (
  request: EngineRequest,
  captures: Captures<Path>,
) => Answer | Promise<Answer>;

/** The routes of one path. HEAD is answered by GET's, as both have the same plan; OPTIONS by itself. */
export type Resource<Path extends string> = Partial<Record<Method, Route<Path>>>;

interface Entry {
  routes: Map<string, Route<string>>;
  allow: ResponseField[];
  /** Further fields of the answer to OPTIONS. */
  options: () => readonly ResponseField[];
}

const none = () => [];

export class Resources {
  readonly #router = new SmartRouter<Entry>({ routers: [new RegExpRouter(), new TrieRouter()] });
  /** The mount's path without the slash at its end. */
  readonly #prefix: string;

  constructor({ path }: Pick<Mount, 'path'>) {
    this.#prefix = path.slice(0, -1);
  }

  /**
   * Where several paths match, the one that was named first answers.
   * @param options fields of the answer to OPTIONS, besides Allow.
   */
  at<Path extends string>(path: Path, routes: Resource<Path>, options: Entry['options'] = none): this {
    const methods = Object.keys(routes).join(', ').replace('GET', 'GET, HEAD');
    const allow: ResponseField[] = [['Allow', `${methods}, OPTIONS`]];
    this.#router.add('ALL', path, { routes: new Map(Object.entries(routes)), allow, options });
    return this;
  }

  readonly handle: Handle = (request) => {
    const [found, matched] = this.#router.match('ALL', request.path.slice(this.#prefix.length));
    const [first] = found;
    if (first === undefined) return problem('not-found');
    const [{ routes, allow, options }, parameters] = first;
    const { method } = request;
    const route = routes.get(method === 'HEAD' ? 'GET' : method);
    if (route) return route(request, captured(parameters, matched));
    if (method === 'OPTIONS') return respond(204, [...allow, ...options()]);
    return problem('method-not-allowed', undefined, allow);
  };
}

// One of the routers gives the text of each capture, the other where it stands among what matched.
function captured(
  parameters: Record<string, string | number>,
  matched: readonly string[] | undefined,
): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(parameters))
    texts[name] = typeof value === 'number' ? (matched?.[value] ?? '') : value;
  return texts;
}
