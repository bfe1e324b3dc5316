// What is passed on to the first upstream and kept by nobody: audits and searches. Nothing of the client goes
// with it but what is asked, without the names that are this server's own.

import type { EngineRequest } from '../../../engine/engine_request.ts';
import { type Answer, readBody, respond, respondJson } from '../../../engine/plan.ts';
import { SealgateError } from '../../../errors.ts';
import type { RespondPlan } from '../../../native/addon.ts';
import { isPackageName } from '../../../upstream/npm/names.ts';
import type { Asked, Upstream } from '../../../upstream/upstream.ts';
import type { Mirror } from '../mirror.ts';

/** Bytes of what a client sends, as it comes: the lock file of a large project has some 100 KB by gzip. */
const mostBody = 1024 * 1024;
/** Bytes of what an upstream answers. */
const mostAnswer = 8 * 1024 * 1024;
const mostText = 512;
/** Statuses of an upstream that has packages, and no such service: 404 is the last word for npm, too. */
const isNotThere = [404, 405, 410, 501];
/** Of the parameters of a search, the largest numbers. */
const numbers = { size: 250, from: 10_000 } as const;
const weights = ['quality', 'popularity', 'maintenance'] as const;

export const auditPaths: readonly string[] = [
  'npm/v1/security/advisories/bulk',
  'npm/v1/security/audits/quick',
];

export class Passing {
  readonly #mirror: Mirror;

  constructor(mirror: Mirror) {
    this.#mirror = mirror;
  }

  /** POST of an audit. @param refused makes the answer of what goes wrong after the body has come. */
  audit(request: EngineRequest, path: string, refused: (error: unknown) => RespondPlan): Answer {
    this.#authorize(request);
    const coding = request.headers.get('content-encoding') ?? 'identity';
    if (coding !== 'gzip' && coding !== 'identity') throw new SealgateError('coding-refused');
    return readBody(mostBody, async (body) => {
      try {
        const task = { body, isGzip: coding === 'gzip', ...this.#own() };
        const told = await this.#mirror.shared.documents.read('auditBody', task);
        if ('refused' in told)
          return respondJson(400, { error: `the audit cannot be read: ${told.refused}` });
        const asked = { method: 'POST', path: `-/${path}`, body: told } as const;
        const text = await this.#send({ ...asked, fields: { 'content-type': 'application/json' } });
        return respond(200, json, text);
      } catch (error) {
        return refused(error);
      }
    });
  }

  async search(request: EngineRequest): Promise<Answer> {
    this.#authorize(request);
    const query = searchOf(request.query);
    if (query === undefined) return respondJson(400, { error: 'the search is longer than is passed on' });
    if (this.#isOfOwn(query.get('text') ?? '')) return respondJson(200, { objects: [], total: 0 });
    const text = await this.#send({ method: 'GET', path: `-/v1/search?${query}`, fields: {} });
    const found = await this.#mirror.shared.documents.read('searchResult', { text, ...this.#own() });
    if ('refused' in found)
      throw new SealgateError('upstream-unusable', `A search cannot be used: ${found.refused}.`);
    return respond(200, json, found.text);
  }

  /** Whether a search is for an own name: no upstream is told of it. */
  #isOfOwn(text: string): boolean {
    const { path, isLocal } = this.#mirror;
    return text.split(/\s+/).some((word) => isPackageName(word) && isLocal(path + word));
  }

  #authorize(request: EngineRequest): void {
    const { services, bucket } = this.#mirror;
    services.authorize(request, 'read', bucket);
  }

  #own() {
    const { settings, path } = this.#mirror;
    return { local: settings.local, path };
  }

  async #send(asked: Asked): Promise<string> {
    const [upstream]: (Upstream | undefined)[] = this.#mirror.upstreams();
    if (!upstream) throw new SealgateError('not-found');
    const sent = await upstream.send({ ...asked, ...apart });
    if (sent.kind === 'failed')
      throw new SealgateError(sent.fault === 'late' ? 'upstream-late' : 'upstream-failed');
    if (sent.status !== 200) throw new SealgateError('not-found');
    return sent.text;
  }
}

const apart = { mostText: mostAnswer, isApart: true, alsoAnswers: isNotThere } as const;

const json = [
  ['Content-Type', 'application/json'],
  ['Cache-Control', 'no-store'],
] as const;

/** The query that is passed on; undefined: it is refused. */
function searchOf(query: URLSearchParams): URLSearchParams | undefined {
  const text = query.get('text') ?? '';
  if (text.length > mostText) return undefined;
  const passed = new URLSearchParams({ text });
  for (const [name, most] of Object.entries(numbers)) {
    const value = query.get(name);
    if (value !== null && /^\d{1,6}$/.test(value)) passed.set(name, `${Math.min(Number(value), most)}`);
  }
  for (const name of weights) {
    const value = query.get(name);
    if (value !== null && /^[01](?:\.\d{1,6})?$/.test(value)) passed.set(name, value);
  }
  return passed;
}
