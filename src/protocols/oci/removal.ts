// Removal by an operator: of a tag, a manifest with what refers to it, or a whole repository; and what would
// go.

import { SealgateError } from '../../errors.ts';
import { checkTag } from './content.ts';
import { allNames } from './listing.ts';
import { parsedDigest } from './names.ts';
import type { Registry, Target } from './registry.ts';
import { deleteManifestOf, deleteNames } from './remove.ts';
import {
  bytesOnce,
  manifestsByDigest,
  partsOf,
  type Survey,
  type SurveyedManifest,
  surveyOf,
} from './survey.ts';

export interface Removal {
  bucket: string;
  /** With the prefix of its site. */
  repository: string;
  /** A tag or a digest; absent: the whole repository. */
  reference?: string | undefined;
  /** Absent: it is only said what would go. */
  yes: boolean;
}

export interface Removed {
  tags: string[];
  /** As `sha256:` and their digits. */
  manifests: string[];
  /** Those that nothing names then: they go with a repository, and else after the grace time. */
  blobs: number;
  /** Of manifests and these blobs. */
  bytes: number;
}

interface Planned {
  report: Removed;
  /** Names of objects; of manifests their SHA-256. */
  names: string[];
  manifests: string[];
}

const namesATime = 64;

/** Throws `not-found`, and `name-taken` for a manifest that an index has. */
export async function removalOf(
  registry: Registry,
  { names }: Target,
  reference: string | undefined,
): Promise<Planned> {
  const survey = await surveyOf(registry, names);
  if (reference === undefined) return ofAll(survey);
  const digest = parsedDigest(reference);
  if (!digest) {
    checkTag(reference);
    if (!survey.tags.some(({ tag }) => tag === reference)) throw new SealgateError('not-found');
    const report = { tags: [reference], manifests: [], blobs: 0, bytes: 0 };
    return { report, names: [names.tag(reference)], manifests: [] };
  }
  const asked = manifestsByDigest(survey).get(reference);
  if (!asked) throw new SealgateError('not-found');
  return ofManifest(survey, asked);
}

function ofAll(survey: Survey): Planned {
  const { tags, manifests, blobs } = survey;
  if (tags.length + manifests.size + blobs.length === 0) throw new SealgateError('not-found');
  return {
    report: {
      tags: tags.map(({ tag }) => tag),
      manifests: [...manifests.keys()].map((hex) => `sha256:${hex}`),
      blobs: blobs.length,
      bytes: bytesOnce(survey),
    },
    names: [],
    manifests: [],
  };
}

function ofManifest(survey: Survey, asked: SurveyedManifest): Planned {
  const byDigest = manifestsByDigest(survey);
  const gone = new Set([asked]);
  for (const each of gone)
    for (const one of survey.manifests.values()) if (byDigest.get(one.subject ?? '') === each) gone.add(one);
  const stay = [...survey.manifests.values()].filter((each) => !gone.has(each));
  const holder = stay.find(({ parts }) => parts.some(({ digest }) => asked.digests.includes(digest)));
  if (holder)
    throw new SealgateError('name-taken', `The index sha256:${holder.hex} has it: remove that first.`);
  const [before, after] = [partsOf(gone), partsOf(stay)];
  const free = survey.blobs.filter(({ digest }) => before.has(digest) && !after.has(digest));
  const hexes = [...gone].map(({ hex }) => hex);
  const bytes = [...gone, ...free].reduce((sum, { size }) => sum + size, 0);
  const tags = survey.tags.filter(({ hex }) => hexes.includes(hex)).map(({ tag }) => tag);
  const manifests = hexes.map((hex) => `sha256:${hex}`);
  return { report: { tags, manifests, blobs: free.length, bytes }, names: [], manifests: hexes };
}

export async function remove(registry: Registry, target: Target, planned: Planned): Promise<void> {
  const { names, manifests } = planned;
  const always = () => {};
  // What refers to a manifest goes before it.
  for (const hex of manifests.toReversed()) await deleteManifestOf(registry, target, hex, always);
  const isAll = names.length + manifests.length === 0;
  if (isAll) return removeAll(registry, target);
  for (const name of names) await deleteNames(registry, target, [{ name }], always);
}

// Tags first: whoever is cut off has no tag without its manifest, and no manifest without its layers.
async function removeAll(registry: Registry, target: Target): Promise<void> {
  const { names } = target;
  const all: { name: string }[] = [];
  for await (const { name } of allNames(registry, names.all)) all.push({ name });
  const order = [names.tags, `${names.all}referrers/`, `${names.all}manifests/`, names.blobs, names.all];
  const rank = ({ name }: { name: string }) => order.findIndex((begin) => name.startsWith(begin));
  all.sort((a, b) => rank(a) - rank(b));
  for (let i = 0; i < all.length; i += namesATime)
    await deleteNames(registry, target, all.slice(i, i + namesATime), () => {});
}
