// GET|HEAD of blobs and manifests: their bytes as they were pushed, by plans that the engine keeps.

import type { EngineRequest } from '../../engine/engine_request.ts';
import type { Decision } from '../../engine/plan.ts';
import { SealgateError } from '../../errors.ts';
import { content } from '../../sites/content.ts';
import { ownOf } from '../mirror/read_object.ts';
import { RegistryError } from './errors.ts';
import { digestIn, isTag, parsedDigest, written } from './names.ts';
import { isOwnTag, pullBlob, pullManifest } from './pull/content.ts';
import { pulledFrom } from './pull/pull.ts';
import { at, authorized, type Registry, type RegistryRoute, versionField } from './registry.ts';

export function readBlob(registry: Registry): RegistryRoute {
  return (request, { names, reference, repository }) => {
    const grant = authorized(registry, request, 'pull', repository);
    const digest = digestIn(reference);
    const pulled = pulledFrom(registry.pull, repository);
    if (pulled) return pullBlob(pulled, { request, grant, names, reference }, digest);
    return answer(registry, request, {
      ...{ name: names.blob(digest), grant, digest: written(digest) },
      contentType: 'application/octet-stream',
    });
  };
}

export function readManifest(registry: Registry): RegistryRoute {
  return async (request, { names, reference, repository }) => {
    const grant = authorized(registry, request, 'pull', repository);
    const digest = parsedDigest(reference);
    const pulled = pulledFrom(registry.pull, repository);
    if (!digest) checkTag(reference);
    if (pulled && (digest || !(await isOwnTag(pulled, names, reference))))
      return pullManifest(pulled, { request, grant, names, reference });
    const asked = digest
      ? { name: names.manifest(digest), grant, digest: written(digest) }
      : { name: names.tag(reference), grant };
    const isCounted = registry.site?.registry?.countPulls === true;
    return answer(registry, request, { ...asked, ...(isCounted && { pulls: repository }) });
  };
}

/** Throws MANIFEST_UNKNOWN for what no manifest is called, and DIGEST_INVALID for a digest that is none. */
export function checkTag(reference: string): void {
  if (isTag(reference)) return;
  if (reference.includes(':')) digestIn(reference);
  throw new RegistryError(404, 'MANIFEST_UNKNOWN', 'The reference is neither a tag nor a digest.');
}

interface Asked {
  name: string;
  grant: string;
  /** Absent: the name is a tag, which may be moved. */
  digest?: string;
  /** Absent: the recorded one. */
  contentType?: string;
  /** The repository that is pulled, which is counted: then each request has to be heard of. */
  pulls?: string;
}

async function answer(
  registry: Registry,
  request: EngineRequest,
  { name, grant, digest, contentType, pulls }: Asked,
): Promise<Decision> {
  const { services, common } = registry;
  const place = at(registry, name);
  const found = await services.objects.get(place);
  // Nothing may come between: who finds something may count on it.
  if (common.marks.isGoing(place)) throw new SealgateError('not-found');
  const isMarked = common.marks.touch(place);
  if (isMarked) await common.marks.save();
  if (pulls !== undefined && request.method === 'GET')
    common.pulls.add(registry.bucket, registry.prefix + pulls);
  const { ref, epoch } = found;
  // It came from a stranger before the repository was local. Digests say the same whoever sent them.
  if (registry.pull && digest === undefined && !ownOf(found)) throw new SealgateError('not-found');
  return content(services, request, found, {
    contentType: contentType ?? ref.mediaType,
    digests: ref.digests,
    freshness: digest === undefined ? 'revalidate' : 'immutable',
    grant,
    created: ref.date,
    // Who asks for what is marked has to be heard of.
    cache: isMarked || pulls !== undefined ? undefined : epoch,
    more: [['Docker-Content-Digest', digest ?? `sha256:${ref.digest}`], versionField],
  });
}
