// GET|HEAD /o/{bucket}/?prefix=&delimiter=&after=&limit=: the names of a bucket, in code-point order, a page
// at a time. With a delimiter, names that are the same up to it are one entry of `prefixes`.

import { respond, respondJson } from '../../engine/plan.ts';
import type { RespondPlan, ResponseField } from '../../native/addon.ts';
import { publicFields } from '../../object_fields.ts';
import { withQuery } from '../../redirects.ts';
import { isAllowed } from '../../sites/authorize.ts';
import type { Route } from '../../sites/resources.ts';
import type { Listing, Page } from '../../store/store.ts';
import { shownEnd } from './expiry_fields.ts';
import { checkParameters, limitParameter, nameParameter } from './list_parameters.ts';
import { listVersions } from './list_versions.ts';
import type { BucketRoute, Services } from './services.ts';
import { bucketTarget } from './target.ts';

/** What a listing understands. Anything else is refused: whoever asks for it expects another answer. */
const parameters = ['prefix', 'delimiter', 'after', 'limit'];

export function listBucket(services: Services): BucketRoute {
  const { objects, authorize } = services;
  return async (request, captures) => {
    const bucket = bucketTarget(captures);
    if (request.query.has('versions')) return listVersions(services, request, bucket);
    authorize(request, 'read', bucket);
    objects.bucket(bucket);
    const { query } = request;
    checkParameters(query, parameters);
    const prefix = nameParameter(query, 'prefix');
    const delimiter = nameParameter(query, 'delimiter');
    const after = nameParameter(query, 'after');
    const limit = limitParameter(query);
    const page = { prefix, delimiter, after, limit };
    const listed = await objects.list(bucket, page);
    const shown = isAllowed(authorize, request, 'write', bucket) ? listed : withoutTags(listed);
    return answer(bucket, page, shown);
  };
}

/** GET|HEAD /o/{bucket}: leads to the listing, whose path ends with a slash. */
export function toListing({ prefix }: Services): Route<'/o/:bucket'> {
  return ({ url }, captures) => {
    const to = withQuery(`${prefix}/o/${encodeURIComponent(bucketTarget(captures))}/`, url);
    return respond(308, [
      ['Location', to],
      ['Cache-Control', 'no-cache'],
    ]);
  };
}

function withoutTags({ entries, ...page }: Listing): Listing {
  const shown = ({ fields, ...entry }: Listing['entries'][number]) => ({
    ...entry,
    ...(fields && { fields: publicFields(fields) }),
  });
  return { ...page, entries: entries.map(shown) };
}

function answer(bucket: string, asked: Page, page: Listing): RespondPlan {
  const entries = page.entries.map(
    ({ name, digest, digests, size, mediaType, fields, created, date, expires }) => ({
      name,
      digest,
      ...(digests && { digests }),
      size,
      mediaType,
      ...fields,
      lastModified: new Date(date ?? created).toISOString(),
      ...shownEnd(expires),
    }),
  );
  const fields: ResponseField[] = [['Cache-Control', 'no-cache']];
  const { prefix, delimiter = '', limit } = asked;
  const listed = { bucket, entries, ...(delimiter !== '' && { prefixes: page.prefixes }) };
  if (page.next === undefined) return respondJson(200, listed, fields);
  const how = { prefix, ...(delimiter !== '' && { delimiter }), after: page.next, limit: String(limit) };
  const link: ResponseField = ['Link', `<?${new URLSearchParams(how)}>; rel="next"`];
  return respondJson(200, { ...listed, next: page.next }, [...fields, link]);
}
