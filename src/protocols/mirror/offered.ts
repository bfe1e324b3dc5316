// Offered: what the head of an upstream's answer says of an object, and whether it can be used.

import { FieldLines } from '../../engine/engine_request.ts';
import { SealgateError } from '../../errors.ts';
import { isFull } from '../../full_disk.ts';
import { checkedMediaType } from '../../media_type.ts';
import type { Descriptor } from '../../store/store.ts';
import type { Fetched, FetchFault, UpstreamHead } from '../../upstream/fetching.ts';
import { keptFor, upstreamOf } from '../../upstream/keeping.ts';
import { type Promises, promisesOf } from '../objects/digest_fields.ts';
import type { Ruled } from './mirror.ts';

/** Seconds for which it is fresh. Throws `upstream-unusable` when it may not be kept. */
export function freshFor(rule: Ruled | undefined, head: UpstreamHead): number {
  if (rule?.immutable) return Number.POSITIVE_INFINITY;
  if (rule?.freshSeconds !== undefined) return rule.freshSeconds;
  const seconds = keptFor(head);
  if (seconds !== undefined) return seconds;
  throw unusable(
    `The upstream lets nobody keep it (Cache-Control: ${head.fields['cache-control'] ?? ''}); a rule of ` +
      'the site with freshSeconds or immutable would.',
  );
}

export function unusable(detail: string): SealgateError {
  return new SealgateError('upstream-unusable', detail);
}

/**
 * Whether an upstream has nothing of it for whoever asks: registries do not tell apart what is not there and
 * what is not to be seen. Where the name has what it sent before, it is a failure.
 */
export function isDenied(fetched: Fetched, upstream: string, current: NotedFields | undefined): boolean {
  const isKnown = current !== undefined && upstreamOf(current.fields) === upstream;
  return fetched.kind === 'failed' && fetched.denied === true && !isKnown;
}

type NotedFields = Pick<Descriptor, 'fields'>;

const unusables: readonly FetchFault[] = ['too-large', 'redirect', 'unprovable', 'coded'];

/** The refusal for a fetch that brought nothing. */
export function failure(fetched: Extract<Fetched, { kind: 'failed' | 'described' }>): SealgateError {
  if (fetched.kind === 'described') return unusable('The upstream told of it and sent nothing.');
  const { fault, message, code } = fetched;
  if (fault === 'disk') return new SealgateError(isFull(code) ? 'store-full' : 'store-write-failed', message);
  if (unusables.includes(fault)) return unusable(`The upstream cannot be used: ${message}.`);
  return new SealgateError(fault === 'late' ? 'upstream-late' : 'upstream-failed');
}

/** The type that the upstream says, if it is one; else the name suggests one. */
export function typeOf({ fields }: UpstreamHead): string | undefined {
  const given = fields['content-type'];
  if (given === undefined) return undefined;
  try {
    return checkedMediaType(given);
  } catch {
    return undefined;
  }
}

/** Milliseconds since the epoch; undefined: it says none. */
export function timeOf({ fields }: UpstreamHead): number | undefined {
  const time = Date.parse(fields['last-modified'] ?? '');
  return Number.isNaN(time) ? undefined : time;
}

/** Fields that promise a digest of the bytes, and are compared. */
const promising = [
  ...['repr-digest', 'content-digest', 'digest', 'content-md5'],
  ...['md5', 'sha1', 'sha256', 'sha512'].map((name) => `x-checksum-${name}`),
];

/** What the upstream promises of the bytes; nothing where it cannot be read. */
export function promisedBy({ fields }: UpstreamHead): Promises {
  const lines = promising.flatMap((name) => (fields[name] ? [`${name}: ${fields[name]}\r\n`] : []));
  try {
    return promisesOf(new FieldLines(lines.join('')));
  } catch {
    return { digest: undefined, digests: undefined };
  }
}
