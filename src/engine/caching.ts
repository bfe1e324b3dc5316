// Caching: what answers about an object say of how long others may keep them (RFC 9111), and how long a plan
// may that says so. Of an object that expires, no cache is told to keep it for longer than it lives.

import type { ResponseField } from '../native/addon.ts';
import { brieflyShared, type ObjectFields, privately, shortLived } from '../object_fields.ts';

/** How long others may keep a response (RFC 9111, RFC 8246). */
export type Freshness = 'immutable' | 'revalidate';

export interface Cacheable {
  /** Used when no Cache-Control is recorded. */
  freshness: Freshness;
  /** What is sent in place of the recorded Cache-Control and that of the freshness. */
  cacheControl?: string | undefined;
  /** The recorded fields of the object. */
  fields?: ObjectFields | undefined;
  /** The grant that readers must have; empty: none. */
  grant: string;
  /** Whether shared caches may keep the answer; absent: where readers need no grant. */
  isPublic?: boolean | undefined;
  /** When its name is as if it were deleted, milliseconds since the epoch; absent: never. */
  expires?: number | undefined;
  /** Seconds since the epoch, until when the plan is kept at most, because a better answer is being made. */
  keptUntil?: number | undefined;
}

export interface Caching {
  fields: readonly ResponseField[];
  /** Seconds since the epoch, until when the fields say so; absent: for ever. */
  until?: number;
}

/** Seconds. */
const year = 31_536_000;
const maxAge: Record<Freshness, string> = {
  immutable: `max-age=${year}, immutable`,
  revalidate: 'max-age=0, must-revalidate',
};

/** What is sent where everybody may read and nothing else is said. */
export const publicCaching: Record<Freshness, string> = {
  immutable: `public, ${maxAge.immutable}`,
  revalidate: `public, ${maxAge.revalidate}`,
};

const usual = { public: usualFor('public'), private: usualFor('private') };
function usualFor(scope: string): Record<Freshness, readonly ResponseField[]> {
  const fields = (age: string) => fieldsWith(`${scope}, ${age}`);
  return { immutable: fields(maxAge.immutable), revalidate: fields(maxAge.revalidate) };
}

function fieldsWith(cacheControl: string): readonly ResponseField[] {
  return [
    ['Cache-Control', cacheControl],
    ['X-Content-Type-Options', 'nosniff'],
  ];
}

/** Whether a Cache-Control is one that is sent when none is recorded. */
export function isDefaultCaching(cacheControl: string): boolean {
  return [...Object.values(maxAge), 'immutable'].some((age) =>
    [`public, ${age}`, `private, ${age}`].includes(cacheControl),
  );
}

export function cachingOf(how: Cacheable, now = Date.now()): Caching {
  const caching = freshnessOf(how, now);
  if (how.keptUntil === undefined) return caching;
  const seconds = Math.max(1, how.keptUntil - Math.floor(now / 1000));
  const fields = caching.fields.map(
    ([name, value]): ResponseField => [
      name,
      name === 'Cache-Control' ? brieflyShared(value, seconds) : value,
    ],
  );
  return { ...caching, fields };
}

function freshnessOf(how: Cacheable, now: number): Caching {
  const { fields, freshness, grant, expires } = how;
  const isOpen = how.isPublic ?? grant === '';
  const scope = isOpen ? 'public' : 'private';
  const recorded = how.cacheControl ?? fields?.cacheControl;
  if (expires !== undefined) return expiring({ freshness, scope, recorded }, expires, now);
  if (recorded === undefined) return { fields: usual[scope][freshness] };
  return { fields: fieldsWith(isOpen ? recorded : privately(recorded)) };
}

interface Wanted {
  freshness: Freshness;
  scope: 'public' | 'private';
  recorded: string | undefined;
}

// A number of seconds that a kept plan repeats would be too many in the end. So what lasts longer than the
// object is left out and the end is said as a date, and the plan is kept for as long as the rest is true.
function expiring({ freshness, scope, recorded }: Wanted, expires: number, now: number): Caching {
  const end = Math.floor(expires / 1000);
  const date = new Date(end * 1000).toUTCString();
  const told: ResponseField[] = [['Sunset', date]];
  if (recorded === undefined) {
    const full = end - year;
    if (freshness === 'immutable' && full > now / 1000)
      return { fields: [...usual[scope].immutable, ...told], until: full };
    if (freshness === 'immutable') told.push(['Expires', date]);
    const age = freshness === 'immutable' ? 'immutable' : maxAge.revalidate;
    return { fields: [...fieldsWith(`${scope}, ${age}`), ...told], until: end };
  }
  const own = scope === 'public' ? recorded : privately(recorded);
  const { text, longest, isCut } = shortLived(own, end - Math.ceil(now / 1000));
  if (isCut) told.push(['Expires', date]);
  return { fields: [...fieldsWith(text === '' ? scope : text), ...told], until: end - longest };
}
