// Kinds whose names say by themselves what they are, with what another object tells of their bytes.

import { readFile } from 'node:fs/promises';
import { SealgateError } from '../../errors.ts';
import { keyOf } from '../../objects/found.ts';
import { fill } from './filling.ts';
import type { Kind } from './kinds.ts';
import { freshUntil, type Mirror, type Ruled } from './mirror.ts';
import { askedFor, kept, readByRule, readLocal } from './read_object.ts';

/** What counts for a name; undefined: the fields of the upstream decide. */
type RuleOf = (mirror: Mirror, name: string) => Ruled | undefined | Promise<Ruled | undefined>;

/** For ever, whatever the bytes are. */
export const lasting: Ruled = { immutable: true, sha256: undefined };

export function freshFor(freshSeconds: number): Ruled {
  return { immutable: false, freshSeconds, sha256: undefined };
}

export function byNames(ruleOf: RuleOf): Kind {
  return (mirror, resources) =>
    resources.at('/:name{.*}', {
      GET: async (request) => {
        const asked = { request, ...askedFor(mirror, request) };
        const local = await readLocal(mirror, request, asked.grant);
        return local ?? readByRule(mirror, asked, await ruleOf(mirror, asked.name));
      },
    });
}

/** Bytes of an object that tells of another. */
const mostTold = 4096;

/** Whether an object is here. */
export function isHeld({ services, bucket, prefix }: Mirror, name: string): boolean {
  return services.objects.digestOf({ bucket, name: prefix + name }) !== undefined;
}

/**
 * The text of a small object that tells of others, fetched if it is not here, or not fresh; undefined: there
 * is none. Throws when that cannot be known.
 */
export async function told(mirror: Mirror, name: string, rule: Ruled): Promise<string | undefined> {
  const { objects } = mirror.services;
  const at = { bucket: mirror.bucket, name: mirror.prefix + name };
  const before = await kept(mirror, at);
  const until = before && freshUntil(mirror, at, { rule, kind: before.kind, created: before.ref.created });
  if ((until ?? 0) <= Date.now()) {
    if (mirror.freshness.isAbsent(keyOf(at), Date.now())) return undefined;
    const missing = { at, name, rule, source: { maxBytes: mostTold }, current: before?.ref };
    const landed = await fill(mirror, missing).landed;
    if (landed.kind === 'absent') return undefined;
    if (landed.kind === 'failed')
      throw landed.error instanceof SealgateError ? landed.error : new SealgateError('upstream-failed');
  }
  const found = await kept(mirror, at);
  // There was no room for it. It is not said to be nowhere, which clients take for the last word.
  if (!found) throw new SealgateError('store-full');
  const { digest, size } = found.ref;
  if (size > mostTold)
    throw new SealgateError('upstream-unusable', `${name} tells nothing: it is too large.`);
  return readFile(objects.pathOf(digest), 'utf8');
}
