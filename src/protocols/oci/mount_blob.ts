// Mounts: a blob of another repository becomes one of this repository without being sent.

import type { EngineRequest } from '../../engine/engine_request.ts';
import { isAbsent } from '../../errors.ts';
import { isAllowed } from '../../sites/authorize.ts';
import { type ContentDigest, isRepository } from './names.ts';
import { at, type Registry, type Target, targetOf, unconditional } from './registry.ts';

export interface MountRequest {
  request: EngineRequest;
  /** Who gets it. */
  target: Target;
  digest: ContentDigest;
  /** The repository that has it; null: the client names none. */
  from: string | null;
}

/**
 * Whether the repository has the blob now. What the client may not read is as if it were not there, so that
 * nobody finds out what others have.
 */
export async function mounted(
  registry: Registry,
  { request, target, digest, from }: MountRequest,
): Promise<boolean> {
  const { authorize, objects } = registry.services;
  if (from === null || !isRepository(from)) return false;
  const its = { action: 'pull', name: registry.prefix + from } as const;
  if (!isAllowed(authorize, request, 'read', registry.bucket, its)) return false;
  try {
    const source = at(registry, targetOf(registry, from, '').names.blob(digest));
    const there = await objects.head(source);
    registry.common.marks.touch(source);
    const { mediaType, digests } = there;
    const to = at(registry, target.names.blob(digest));
    const { marks, usage } = registry.common;
    const { settle } = await usage.reserve(registry, target, to.name, there.size);
    let isStored = false;
    try {
      marks.set(to);
      await objects.copy({ digest: there.digest, digests, mediaType }, to, { conditions: unconditional });
      isStored = true;
    } finally {
      settle(isStored);
    }
    return true;
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}
