// GET|HEAD /o/{bucket}/?prefix=&after=&limit=: the names of a bucket, in code-point order, a page at a time.

import { respondJson } from '../../engine/plan.ts';
import { SealgateError } from '../../errors.ts';
import type { RespondPlan, ResponseField } from '../../native/addon.ts';
import { maxNameBytes } from '../../store/names.ts';
import type { Listing } from '../../store/store.ts';
import type { BucketRoute, Services } from './services.ts';
import { bucketTarget } from './target.ts';

const maxLimit = 1000;

/** What a listing understands. Anything else is refused: whoever asks for it expects another answer. */
const parameters = ['prefix', 'after', 'limit'];
/** Characters of a name that an answer repeats. */
const shownCharacters = 40;

export function listBucket({ objects, authorize }: Services): BucketRoute {
  return async (request, captures) => {
    const bucket = bucketTarget(captures);
    authorize(request, 'read', bucket);
    objects.bucket(bucket);
    const { query } = request;
    checkParameters(query);
    const prefix = nameParameter(query, 'prefix');
    const after = nameParameter(query, 'after');
    const limit = limitParameter(query);
    return answer(bucket, { prefix, limit }, await objects.list(bucket, { prefix, after, limit }));
  };
}

function answer(bucket: string, asked: { prefix: string; limit: number }, page: Listing): RespondPlan {
  const entries = page.entries.map(({ name, digest, size, mediaType, fields, created, date }) => ({
    name,
    digest,
    size,
    mediaType,
    ...fields,
    lastModified: new Date(date ?? created).toISOString(),
  }));
  const fields: ResponseField[] = [['Cache-Control', 'no-cache']];
  if (page.next === undefined) return respondJson(200, { bucket, entries }, fields);
  const { prefix, limit } = asked;
  const rest = new URLSearchParams({ prefix, after: page.next, limit: String(limit) });
  const link: ResponseField = ['Link', `<?${rest}>; rel="next"`];
  return respondJson(200, { bucket, entries, next: page.next }, [...fields, link]);
}

function checkParameters(query: URLSearchParams): void {
  const given = [...query.keys()];
  const unknown = given.find((key) => !parameters.includes(key));
  const refuse = (key: string, why: string) => {
    throw new SealgateError('query-invalid', `${key.slice(0, shownCharacters)}: ${why}`);
  };
  if (unknown !== undefined) refuse(unknown, `a listing has no such parameter; it has ${told(parameters)}.`);
  const twice = given.find((key, index) => given.indexOf(key) !== index);
  if (twice !== undefined) refuse(twice, 'given more than once.');
}

function told(names: string[]): string {
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

function nameParameter(query: URLSearchParams, key: 'prefix' | 'after'): string {
  const value = query.get(key) ?? '';
  if (Buffer.byteLength(value) <= maxNameBytes) return value;
  throw new SealgateError('query-invalid', `${key}: at most ${maxNameBytes} bytes.`);
}

function limitParameter(query: URLSearchParams): number {
  const value = query.get('limit') ?? String(maxLimit);
  const limit = Number(value);
  if (/^\d+$/.test(value) && limit >= 1 && limit <= maxLimit) return limit;
  throw new SealgateError('query-invalid', `limit: a whole number from 1 to ${maxLimit}.`);
}
