// DELETE of tags, manifests and blobs. A tag goes alone; with a manifest go all its tags.

import { respond } from '../../engine/plan.ts';
import { hasCode, isAbsent } from '../../errors.ts';
import { there } from '../../objects/found.ts';
import { checkTag } from './content.ts';
import { RegistryError } from './errors.ts';
import { allNames } from './listing.ts';
import { digestIn, parsedDigest, written } from './names.ts';
import { subjectIn } from './referrer_notes.ts';
import {
  alone,
  at,
  authorized,
  type Registry,
  type RegistryRoute,
  type Target,
  unconditional,
} from './registry.ts';
import type { SurveyedTag } from './survey.ts';

export function deleteBlob(registry: Registry): RegistryRoute {
  const { objects } = registry.services;
  return (request, target) => {
    authorized(registry, request, 'delete', target.repository);
    const { names, reference } = target;
    const digest = digestIn(reference);
    return alone(registry, target, async () => {
      await objects.head(at(registry, names.blob(digest)));
      await refuseNamed(registry, target, written(digest));
      await objects.delete(at(registry, names.blob(digest)), unconditional);
      registry.common.usage.forget(registry, target);
      return respond(202);
    });
  };
}

/** Throws UNSUPPORTED for a blob that a manifest of the repository needs: clients take that for a refusal. */
async function refuseNamed(registry: Registry, { names }: Target, blob: string): Promise<void> {
  for await (const { digest } of allNames(registry, names.manifests)) {
    const { parts } = await registry.common.named.of(digest);
    if (!parts.some((each) => each.digest === blob)) continue;
    const message = `The manifest sha256:${digest} names the blob: delete that first.`;
    throw new RegistryError(405, 'UNSUPPORTED', message, [['Allow', 'GET, HEAD, OPTIONS']]);
  }
}

export function deleteManifest(registry: Registry): RegistryRoute {
  const { objects } = registry.services;
  return (request, target) => {
    authorized(registry, request, 'delete', target.repository);
    const { names, reference } = target;
    return alone(registry, target, async () => {
      if (parsedDigest(reference)) await deleteWithTags(registry, target);
      else {
        checkTag(reference);
        await objects.delete(at(registry, names.tag(reference)), unconditional);
      }
      return respond(202);
    });
  };
}

// The manifest itself last: whoever is cut off in between deletes it once more.
async function deleteWithTags(registry: Registry, { names, reference }: Target): Promise<void> {
  const { objects } = registry.services;
  const asked = names.manifest(digestIn(reference));
  const { digest, digests, fields } = await objects.head(at(registry, asked));
  const gone: string[] = [];
  for await (const each of allNames(registry, names.tags)) if (each.digest === digest) gone.push(each.name);
  const subject = subjectIn(fields);
  if (subject) gone.push(names.referrer(subject, digest));
  if (digests?.sha512 !== undefined) gone.push(names.manifest({ algorithm: 'sha512', hex: digests.sha512 }));
  gone.push(names.manifest({ algorithm: 'sha256', hex: digest }));
  for (const name of gone.filter((each) => each !== asked)) await deleteIfThere(registry, name);
  await objects.delete(at(registry, asked), unconditional);
  registry.common.usage.forget(registry, { names });
}

async function deleteIfThere(registry: Registry, name: string): Promise<void> {
  await there(() => registry.services.objects.delete(at(registry, name), unconditional));
}

// --- by rules and by operators ---

/** Called right before a removal; it may throw precondition-failed. */
type Check = () => void;

/** False: it stays. It was given to another manifest, or `check` says so. */
export function deleteTag(
  registry: Registry,
  target: Target,
  seen: SurveyedTag,
  check: Check,
): Promise<boolean> {
  const place = at(registry, target.names.tag(seen.tag));
  return alone(registry, target, () =>
    unlessItStays(async () => {
      const { objects } = registry.services;
      const now = await objects.head(place);
      if (now.digest !== seen.hex || now.created !== seen.created) return false;
      await objects.delete(place, unconditional, check);
      return true;
    }),
  );
}

async function unlessItStays(remove: () => Promise<boolean>): Promise<boolean> {
  try {
    return await remove();
  } catch (error) {
    if (hasCode(error, 'precondition-failed') || isAbsent(error)) return false;
    throw error;
  }
}

/** With its tags. False: it stays. @param hex SHA-256. */
export function deleteManifestOf(
  registry: Registry,
  target: Target,
  hex: string,
  check: Check,
): Promise<boolean> {
  const { marks } = registry.common;
  const place = at(registry, target.names.manifest({ algorithm: 'sha256', hex }));
  const remove = async () => {
    check();
    marks.goes(place);
    await deleteWithTags(registry, { ...target, reference: `sha256:${hex}` });
    marks.clear(place);
    return true;
  };
  return alone(registry, target, () => unlessItStays(remove).finally(() => marks.settled(place)));
}

/** Resolves with those that went. */
export function deleteNames<T extends { name: string }>(
  registry: Registry,
  target: Target,
  all: readonly T[],
  check: (one: T) => void,
): Promise<T[]> {
  const { marks } = registry.common;
  const remove = async (one: T) => {
    const place = at(registry, one.name);
    const decide = () => {
      check(one);
      marks.goes(place);
    };
    const isGone = await unlessItStays(async () => {
      await registry.services.objects.delete(place, unconditional, decide);
      marks.clear(place);
      return true;
    }).finally(() => marks.settled(place));
    return isGone ? [one] : [];
  };
  return alone(registry, target, async () => {
    const gone = (await Promise.all(all.map(remove))).flat();
    if (gone.length > 0) registry.common.usage.forget(registry, target);
    return gone;
  });
}
