// GET|HEAD /o/{bucket}/?prefix=&after=&limit=: the names of a bucket, in code-point order, a page at a time.

import { respondJson } from '../delivery/plan.ts';
import { SealgateError } from '../errors.ts';
import { maxNameBytes } from '../store/names.ts';
import type { Route, Services } from './services.ts';
import { bucketTarget } from './target.ts';

const maxLimit = 1000;

export function listBucket({ store, authorize }: Services): Route {
  return (request) => {
    const bucket = bucketTarget(request.path);
    authorize(request, 'read', bucket);
    if (store.bucket(bucket) === undefined) throw new SealgateError('bucket-unknown');
    const { query } = request;
    const prefix = nameParameter(query, 'prefix');
    const limit = limitParameter(query);
    const page = store.list(bucket, { prefix, after: nameParameter(query, 'after'), limit });
    const entries = page.entries.map(({ name, digest, size, mediaType, created }) => ({
      name,
      digest,
      size,
      mediaType,
      lastModified: new Date(created).toISOString(),
    }));
    const fields = 'Cache-Control: no-cache\r\n';
    if (page.next === undefined) return respondJson(200, { bucket, entries }, fields);
    const rest = new URLSearchParams({ prefix, after: page.next, limit: String(limit) });
    return respondJson(
      200,
      { bucket, entries, next: page.next },
      `${fields}Link: <?${rest}>; rel="next"\r\n`,
    );
  };
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
