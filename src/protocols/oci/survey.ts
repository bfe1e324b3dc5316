// A survey of a repository: its tags, manifests and blobs as they are now, and what its manifests name.

import { createHash } from 'node:crypto';
import { allNames } from './listing.ts';
import type { NamedThings } from './named.ts';
import type { RepositoryNames } from './names.ts';
import type { Registry } from './registry.ts';

export interface SurveyedTag {
  tag: string;
  /** SHA-256 of the manifest. */
  hex: string;
  /** When it was given to this manifest, milliseconds since the epoch. */
  created: number;
}

export interface SurveyedManifest extends NamedThings {
  hex: string;
  size: number;
  created: number;
  /** By which it is known here, as `sha256:` and its digits. */
  digests: string[];
}

export interface SurveyedBlob {
  /** As `sha256:` and its digits. */
  digest: string;
  hex: string;
  size: number;
  created: number;
}

export interface Survey {
  tags: SurveyedTag[];
  /** By SHA-256. */
  manifests: Map<string, SurveyedManifest>;
  blobs: SurveyedBlob[];
  /** Manifests whose bytes could not be read: nobody knows what they name. */
  unread: string[];
}

/** What there is, without what its manifests name; and a digest of all that it depends on. */
export interface Listed {
  survey: Survey;
  mark: string;
}

export async function surveyOf(registry: Registry, names: RepositoryNames): Promise<Survey> {
  const { survey } = await listed(registry, names);
  return await withParts(registry, survey);
}

export async function listed(registry: Registry, names: RepositoryNames): Promise<Listed> {
  const survey: Survey = { tags: [], manifests: new Map(), blobs: [], unread: [] };
  const aliases: { digest: string; hex: string }[] = [];
  const mark = createHash('sha256');
  for await (const { name, digest: hex, size, created } of allNames(registry, names.all)) {
    mark.update(`${name} ${hex} ${size} ${created}\n`);
    const [kind, ...rest] = name.slice(names.all.length).split('/');
    const digest = rest.join(':');
    if (kind === 'tags') survey.tags.push({ tag: rest.join('/'), hex, created });
    else if (kind === 'blobs') survey.blobs.push({ digest, hex, size, created });
    else if (kind === 'manifests' && rest[0] === 'sha256')
      survey.manifests.set(hex, { hex, size, created, digests: [digest], parts: [], subject: undefined });
    else if (kind === 'manifests') aliases.push({ digest, hex });
  }
  for (const { digest, hex } of aliases) survey.manifests.get(hex)?.digests.push(digest);
  return { survey, mark: mark.digest('base64') };
}

/** The same survey, with what its manifests name. */
export async function withParts(registry: Registry, survey: Survey): Promise<Survey> {
  for (const manifest of survey.manifests.values()) {
    try {
      Object.assign(manifest, await registry.common.named.of(manifest.hex));
    } catch {
      survey.unread.push(manifest.hex);
    }
  }
  return survey;
}

/** Manifests by every digest that they are known by. */
export function manifestsByDigest({ manifests }: Survey): Map<string, SurveyedManifest> {
  const all = [...manifests.values()];
  return new Map(all.flatMap((each) => each.digests.map((digest) => [digest, each] as const)));
}

/** What some manifests name. */
export function partsOf(manifests: Iterable<SurveyedManifest>): Set<string> {
  const named = new Set<string>();
  for (const { parts } of manifests) for (const { digest } of parts) named.add(digest);
  return named;
}

/** Bytes of what the repository has, each once. */
export function bytesOnce({ manifests, blobs }: Pick<Survey, 'manifests' | 'blobs'>): number {
  const sizes = new Map([...manifests.values(), ...blobs].map(({ hex, size }) => [hex, size]));
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

/** Bytes of all its manifests with what each names: what several name counts for each. */
export function bytesInAll({ manifests, blobs }: Survey): number {
  const sizes = new Map(blobs.map(({ digest, size }) => [digest, size]));
  let sum = 0;
  for (const { size, parts } of manifests.values())
    sum += parts.reduce((all, { digest }) => all + (sizes.get(digest) ?? 0), size);
  return sum;
}
