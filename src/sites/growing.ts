// Growing content: what a name is answered with that has no object yet, while the first upload of one is
// under way. Where a site says so, and nowhere else.

import { cachingOf } from '../engine/caching.ts';
import type { EngineRequest } from '../engine/engine_request.ts';
import { hasCode } from '../errors.ts';
import type { FollowPlan, GrowingFile } from '../native/addon.ts';
import { contentFields } from '../object_fields.ts';
import type { GrowingUpload, GrowingUploads } from '../objects/growing_uploads.ts';
import type { Found, Name } from '../objects/objects.ts';
import { pathPattern } from '../path_pattern.ts';
import type { Mount, Services } from './mount.ts';
import { seenPath } from './paths.ts';
import { tagLines } from './tag_fields.ts';

/** Uploads as a site shows them: at the paths that it names, and at no others. */
export interface WhileWriting {
  /** An upload begins that may be read. Undefined: it may not. */
  begin(request: EngineRequest, at: Name, about: Omit<GrowingUpload, 'file'>): GrowingFile | undefined;
  /** What is under way. */
  find(request: EngineRequest, at: Name): GrowingUpload | undefined;
}

/** Undefined: nothing of the site is read while it is written. */
export function whileWritingOf({ site }: Mount, uploads: GrowingUploads): WhileWriting | undefined {
  const patterns = (site?.readWhileWriting ?? []).map(pathPattern);
  if (patterns.length === 0) return undefined;
  const isSaid = ({ path }: EngineRequest) => {
    const seen = seenPath(path);
    return seen !== undefined && patterns.some((pattern) => pattern.matches(seen));
  };
  return {
    begin: (request, at, about) => (isSaid(request) ? uploads.begin(at, about).file : undefined),
    find: (request, at) => {
      const upload = isSaid(request) ? uploads.find(at) : undefined;
      return upload?.isHeld ? undefined : upload;
    },
  };
}

type GrowingServices = Pick<Services, 'objects' | 'whileWriting' | 'isPublic' | 'tagFields'>;

/** The object, or what there is of it where it is still being uploaded. Rejects as `get` of objects does. */
export async function foundOrGrowing(
  services: GrowingServices,
  request: EngineRequest,
  at: Name,
): Promise<Found | GrowingUpload> {
  try {
    return await services.objects.getOrGrowing(at);
  } catch (error) {
    // Under a write-once name that was deleted only the bytes of before are taken again, which is known when
    // all have come.
    const isAbsent =
      hasCode(error, 'not-found') ||
      (hasCode(error, 'name-deleted') && services.objects.bucket(at.bucket).kind === 'versioned');
    const upload = isAbsent ? services.whileWriting?.find(request, at) : undefined;
    if (upload) return upload;
    throw error;
  }
}

export function isGrowing(found: Found | GrowingUpload): found is GrowingUpload {
  return 'file' in found;
}

/** Caches that forward it to many may, but nobody keeps what has no validator: it may yet be cut. */
const briefly = 'public, max-age=1';

export function growingContent(
  { isPublic, tagFields }: GrowingServices,
  { file, mediaType, fields = {} }: GrowingUpload,
  grant: string,
): FollowPlan {
  const isForOne = /\b(?:no-store|private)\b/i.test(fields.cacheControl ?? '');
  const caching = cachingOf({
    freshness: 'revalidate',
    cacheControl: isForOne ? 'no-store' : briefly,
    grant,
    isPublic,
  });
  const tags = tagFields && fields.surrogateKey !== undefined ? tagLines(tagFields, fields.surrogateKey) : [];
  return {
    kind: 'follow',
    file,
    contentType: mediaType,
    fields: [...caching.fields, ...tags],
    contentFields: contentFields(fields),
  };
}
