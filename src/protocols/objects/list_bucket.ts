// GET|HEAD /o/{bucket}/?prefix=&delimiter=&after=&limit=: the names of a bucket, in code-point order, a page
// at a time. With a delimiter, names that are the same up to it are one entry of `prefixes`.

import { respondJson } from '../../engine/plan.ts';
import { SealgateError } from '../../errors.ts';
import type { RespondPlan, ResponseField } from '../../native/addon.ts';
import { maxNameBytes } from '../../store/names.ts';
import type { Listing, Page } from '../../store/store.ts';
import type { BucketRoute, Services } from './services.ts';
import { bucketTarget } from './target.ts';

const maxLimit = 1000;

/** What a listing understands. Anything else is refused: whoever asks for it expects another answer. */
const parameters = ['prefix', 'delimiter', 'after', 'limit'];
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
    const delimiter = nameParameter(query, 'delimiter');
    const after = nameParameter(query, 'after');
    const limit = limitParameter(query);
    const page = { prefix, delimiter, after, limit };
    return answer(bucket, page, await objects.list(bucket, page));
  };
}

function answer(bucket: string, asked: Page, page: Listing): RespondPlan {
  const entries = page.entries.map(({ name, digest, size, mediaType, fields, created, date }) => ({
    name,
    digest,
    size,
    mediaType,
    ...fields,
    lastModified: new Date(date ?? created).toISOString(),
  }));
  const fields: ResponseField[] = [['Cache-Control', 'no-cache']];
  const { prefix, delimiter = '', limit } = asked;
  const listed = { bucket, entries, ...(delimiter !== '' && { prefixes: page.prefixes }) };
  if (page.next === undefined) return respondJson(200, listed, fields);
  const how = { prefix, ...(delimiter !== '' && { delimiter }), after: page.next, limit: String(limit) };
  const link: ResponseField = ['Link', `<?${new URLSearchParams(how)}>; rel="next"`];
  return respondJson(200, { ...listed, next: page.next }, [...fields, link]);
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

function nameParameter(query: URLSearchParams, key: 'prefix' | 'delimiter' | 'after'): string {
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
