// Retention: which tags of a repository go by the rules of its site, and which manifests nothing needs then.

import type { RetentionRule } from '../../config/registry.ts';
import { covers } from '../../scopes.ts';
import { manifestsByDigest, type Survey, type SurveyedManifest, type SurveyedTag } from './survey.ts';

/** What clients without the list of referrers keep about a manifest stands under such a tag. */
const attachedTag = /^sha256-([0-9a-f]{64})(?:\.|$)/;
const day = 86_400_000;

/** @param rules those that are for the repository. */
export function tagsToGo({ tags }: Pick<Survey, 'tags'>, rules: readonly RetentionRule[]): SurveyedTag[] {
  const gone = new Set<SurveyedTag>();
  for (const { keepTags, tags: about, except } of rules) {
    if (keepTags === undefined) continue;
    const its = tags.filter(
      ({ tag }) => !attachedTag.test(tag) && matches(about, tag) && !matches(except, tag),
    );
    its.sort((a, b) => b.created - a.created || (a.tag < b.tag ? -1 : 1));
    for (const each of its.slice(keepTags)) gone.add(each);
  }
  return [...gone];
}

function matches(patterns: readonly string[], tag: string): boolean {
  return patterns.some((each) => covers(each, tag));
}

/**
 * Milliseconds for which a manifest stays that nothing needs; undefined: for ever. A rule that says days is
 * heard before those that are about tags alone: what one asked to be kept is not to go by another.
 */
export function untaggedFor(rules: readonly RetentionRule[], graceMs: number): number | undefined {
  const said = rules.flatMap(({ untaggedDays }) => (untaggedDays === undefined ? [] : [untaggedDays * day]));
  if (said.length > 0) return Math.min(...said);
  return rules.length > 0 ? graceMs : undefined;
}

/**
 * The manifests that are needed: those with a tag, what they name, and what refers to one of them. A tag that
 * says which manifest it is about counts as a reference to that.
 */
export function neededManifests(survey: Survey, tags: readonly SurveyedTag[]): Set<SurveyedManifest> {
  const tagged = tags.filter(({ tag }) => !attachedTag.test(tag));
  return needing(survey, tags, new Set(tagged.flatMap(({ hex }) => survey.manifests.get(hex) ?? [])));
}

/** Those that are needed with what was pushed since: all that is below it, and what refers to that. */
export function neededWith(survey: Survey, pushed: Iterable<string>): Set<SurveyedManifest> {
  const byDigest = manifestsByDigest(survey);
  return needing(survey, survey.tags, new Set([...pushed].flatMap((digest) => byDigest.get(digest) ?? [])));
}

/** @param needed those that are for themselves; what they need is added. */
function needing(
  survey: Survey,
  tags: readonly SurveyedTag[],
  needed: Set<SurveyedManifest>,
): Set<SurveyedManifest> {
  const needs = needsOf(survey, tags);
  // A set is walked to its end, also while it grows.
  for (const each of needed) for (const one of needs(each)) needed.add(one);
  return needed;
}

/** What stays as long as a manifest does: what it names, and what refers to it. */
function needsOf(survey: Survey, tags: readonly SurveyedTag[]) {
  const byDigest = manifestsByDigest(survey);
  const about = new Map<SurveyedManifest, SurveyedManifest[]>();
  const attach = (subject: SurveyedManifest | undefined, one: SurveyedManifest | undefined) => {
    if (!subject || !one) return;
    const its = about.get(subject) ?? [];
    its.push(one);
    about.set(subject, its);
  };
  for (const each of survey.manifests.values()) attach(byDigest.get(each.subject ?? ''), each);
  for (const { tag, hex } of tags) {
    const [, subject = ''] = attachedTag.exec(tag) ?? [];
    attach(survey.manifests.get(subject), survey.manifests.get(hex));
  }
  return (manifest: SurveyedManifest): SurveyedManifest[] => [
    ...manifest.parts.flatMap(({ digest }) => byDigest.get(digest) ?? []),
    ...(about.get(manifest) ?? []),
  ];
}

/** Manifests without a tag: what one of them needs stays while it is there itself, at any depth. */
export class Untagged {
  readonly #needs: ReturnType<typeof needsOf>;
  readonly #all: Set<SurveyedManifest>;
  readonly #held = new Set<SurveyedManifest>();

  constructor(survey: Survey, tags: readonly SurveyedTag[], all: Iterable<SurveyedManifest>) {
    this.#needs = needsOf(survey, tags);
    this.#all = new Set(all);
  }

  /** This one stays for now. */
  stays(manifest: SurveyedManifest): void {
    const added = new Set([manifest]);
    for (const each of added) {
      this.#held.add(each);
      for (const one of this.#needs(each)) if (!this.#held.has(one)) added.add(one);
    }
  }

  isHeld(manifest: SurveyedManifest): boolean {
    return this.#held.has(manifest);
  }

  /** Each behind those that need it, so that none is there without what it names. */
  inOrder(): SurveyedManifest[] {
    const holders = new Map<SurveyedManifest, number>();
    const needs = (each: SurveyedManifest) => new Set(this.#needs(each));
    for (const each of this.#all)
      for (const one of needs(each)) holders.set(one, (holders.get(one) ?? 0) + 1);
    const order = new Set([...this.#all].filter((each) => !holders.has(each)));
    for (const each of order)
      for (const one of needs(each)) {
        const left = (holders.get(one) ?? 0) - 1;
        holders.set(one, left);
        if (left === 0 && this.#all.has(one)) order.add(one);
      }
    // Those that need each other, as tags can say it, are left.
    return [...order, ...[...this.#all].filter((each) => !order.has(each))];
  }
}
