// Told tags: what upstreams said by HEAD of tags whose manifests are not here. Nothing is fetched or stored
// for that; who pulls asks for the manifest by its digest next, and then the tag is kept as well, so that it
// is had while the upstream is away.

import { setNewest } from '../../../newest_map.ts';
import { keyOf, type Name, there } from '../../../objects/found.ts';
import { manifestTypes } from '../../../upstream/documents/image_manifest.ts';
import type { UpstreamHead } from '../../../upstream/fetching.ts';
import type { ToldHead } from '../../../upstream/heads.ts';
import { notedFields, upstreamOf } from '../../../upstream/keeping.ts';
import type { Mirror } from '../../mirror/mirror.ts';
import { typeOf } from '../../mirror/offered.ts';
import { largestManifest } from '../manifest.ts';
import { type ContentDigest, parsedDigest } from '../names.ts';
import { unconditional } from '../registry.ts';

/** Manifests that are waited for, and tags of one. */
const mostWaiting = 1000;
const mostTags = 20;
/** Milliseconds after which the manifest of a pull has been asked for. */
const believedFor = 60_000;

/**
 * The digest of a manifest that an upstream tells of by HEAD. Undefined: it does not tell all that a client
 * is told, or of another. @param asked absent: a tag is asked for, which needs a SHA-256.
 */
export function digestTold(head: UpstreamHead, asked?: ContentDigest): ContentDigest | undefined {
  const { 'docker-content-digest': said, 'content-length': length = '' } = head.fields;
  const isManifest = (manifestTypes as readonly (string | undefined)[]).includes(typeOf(head));
  if (!isManifest || !/^[1-9]\d{0,7}$/.test(length) || Number(length) > largestManifest) return undefined;
  const digest = said === undefined ? asked : parsedDigest(said);
  if (asked) return digest?.algorithm === asked.algorithm && digest.hex !== asked.hex ? undefined : asked;
  return digest?.algorithm === 'sha256' ? digest : undefined;
}

interface ToldTag {
  /** Where it is kept. */
  at: Name;
  told: ToldHead;
  /** When it was told, milliseconds since the epoch. */
  since: number;
}

/** A tag names this manifest, which is here. @param manifest its name, and the SHA-256 of its bytes. */
export async function keepTag(
  mirror: Mirror,
  { at, told: { upstream, head, until }, since }: ToldTag,
  manifest: { at: Name; digest: string },
): Promise<void> {
  const { objects } = mirror.services;
  const before = await there(() => objects.head(at));
  // Somebody pushed it, or it was fetched since.
  if (before && (upstreamOf(before.fields) === undefined || before.created > since)) return;
  const { mediaType } = await objects.head(manifest.at);
  const from = { digest: manifest.digest, mediaType, fields: notedFields(upstream, head) };
  await objects.copy(from, at, { conditions: unconditional });
  mirror.freshness.keep(keyOf(at), until);
  mirror.shared.space.stored(at, before !== undefined);
}

class ToldTags {
  readonly #byManifest = new Map<string, Map<string, ToldTag>>();

  add(manifest: Name, tag: ToldTag): void {
    const key = keyOf(manifest);
    const tags = this.#byManifest.get(key) ?? new Map<string, ToldTag>();
    setNewest(tags, tag.at.name, tag, mostTags);
    setNewest(this.#byManifest, key, tags, mostWaiting);
  }

  /** A manifest is here: the tags are kept that were told of just now. @param digest its SHA-256. */
  async arrived(mirror: Mirror, at: Name, digest: string): Promise<void> {
    const tags = this.#byManifest.get(keyOf(at));
    if (!tags) return;
    this.#byManifest.delete(keyOf(at));
    for (const tag of tags.values())
      if (tag.since + believedFor > Date.now()) await there(() => keepTag(mirror, tag, { at, digest }));
  }
}

const known = new WeakMap<Mirror['shared'], ToldTags>();

export function toldTags({ shared }: Mirror): ToldTags {
  const tags = known.get(shared) ?? new ToldTags();
  known.set(shared, tags);
  return tags;
}
