// GET|HEAD /o/{bucket}/?versions: every version of names, deletions included, each name's oldest first. It
// takes the right to write: readers are not told what was deleted or replaced.

import type { EngineRequest } from '../../engine/engine_request.ts';
import { respondJson } from '../../engine/plan.ts';
import { SealgateError } from '../../errors.ts';
import type { RespondPlan, ResponseField } from '../../native/addon.ts';
import type { VersionPage, Versions } from '../../store/store.ts';
import { shownEnd } from './expiry_fields.ts';
import { checkParameters, limitParameter, nameParameter } from './list_parameters.ts';
import type { Services } from './services.ts';
import { versionNumber } from './target.ts';

const parameters = ['versions', 'prefix', 'name', 'after', 'afterVersion', 'limit'];

export async function listVersions(
  { objects, authorize }: Services,
  request: EngineRequest,
  bucket: string,
): Promise<RespondPlan> {
  authorize(request, 'write', bucket);
  objects.bucket(bucket);
  const page = asked(request.query);
  return answer(bucket, page, await objects.versions(bucket, page));
}

function asked(query: URLSearchParams): VersionPage {
  checkParameters(query, parameters);
  const refuse = (detail: string) => {
    throw new SealgateError('query-invalid', detail);
  };
  if (query.get('versions') !== '') refuse('versions: has no value.');
  const [prefix, name] = [nameParameter(query, 'prefix'), nameParameter(query, 'name')];
  if (prefix !== '' && name !== '') refuse('name: not with prefix.');
  const after = nameParameter(query, 'after');
  const version = query.get('afterVersion');
  if (version !== null && after === '') refuse('afterVersion: only with after.');
  return {
    ...(name !== '' && { name }),
    ...(prefix !== '' && { prefix }),
    ...(after !== '' && {
      after: { name: after, ...(version !== null && { version: versionNumber('afterVersion', version) }) },
    }),
    limit: limitParameter(query),
  };
}

function answer(bucket: string, { name, prefix, limit }: VersionPage, page: Versions): RespondPlan {
  const versions = page.entries.map(shownVersion);
  const fields: ResponseField[] = [['Cache-Control', 'private, no-cache']];
  if (page.next === undefined) return respondJson(200, { bucket, versions }, fields);
  const next = { after: page.next.name, afterVersion: page.next.version };
  const which = { ...(name !== undefined && { name }), ...(prefix !== undefined && { prefix }) };
  const rest = new URLSearchParams({ ...which, after: next.after, limit: String(limit) });
  rest.set('afterVersion', String(next.afterVersion));
  const link: ResponseField = ['Link', `<?versions&${rest}>; rel="next"`];
  return respondJson(200, { bucket, versions, next }, [...fields, link]);
}

export type ShownVersion = ReturnType<typeof shownVersion>;

/** A version in every listing. */
export function shownVersion({ name, isNewest, ...ref }: Versions['entries'][number]) {
  const about = { name, version: ref.version, ...(isNewest && { newest: true }) };
  if (ref.deleted) return { ...about, deleted: true, lastModified: new Date(ref.created).toISOString() };
  const { digest, digests, size, mediaType, fields, created, date, expires } = ref;
  const lastModified = new Date(date ?? created).toISOString();
  const its = { digest, ...(digests && { digests }), size, mediaType };
  return { ...about, ...its, ...fields, lastModified, ...shownEnd(expires) };
}
