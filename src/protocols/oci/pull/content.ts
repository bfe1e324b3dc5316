// GET|HEAD of blobs and manifests that upstreams have. A digest never changes, and a tag is looked up again:
// what it names is fetched by its digest, so a tag that moves meanwhile brings nobody two halves.

import type { EngineRequest } from '../../../engine/engine_request.ts';
import type { Answer } from '../../../engine/plan.ts';
import { type ErrorCode, errors, SealgateError } from '../../../errors.ts';
import type { ResponseField } from '../../../native/addon.ts';
import { manifestTypes } from '../../../upstream/documents/image_manifest.ts';
import type { ToldHead } from '../../../upstream/heads.ts';
import { notedFields } from '../../../upstream/keeping.ts';
import type { Upstream } from '../../../upstream/upstream.ts';
import { type Check, fill, type Locate, type Source } from '../../mirror/filling.ts';
import type { Mirror, Ruled } from '../../mirror/mirror.ts';
import { failure, isDenied, unusable } from '../../mirror/offered.ts';
import { kept, ownOf, readAt } from '../../mirror/read_object.ts';
import { largestManifest } from '../manifest.ts';
import { type ContentDigest, parsedDigest, type RepositoryNames, written } from '../names.ts';
import { unconditional, versionField } from '../registry.ts';
import type { Pulled } from './pull.ts';
import { digestTold, keepTag, toldTags } from './told_tags.ts';

/** Seconds for which a tag is not looked up again where no rule of the site says it. */
const tagSeconds = 60;

export interface PullRequest {
  request: EngineRequest;
  grant: string;
  names: RepositoryNames;
  /** A digest or a tag. */
  reference: string;
}

export async function pullBlob(
  { mirror, repository }: Pulled,
  { request, grant, names }: PullRequest,
  digest: ContentDigest,
): Promise<Answer> {
  const answer = await readAt(mirror, {
    ...{ request, grant, name: repository, rule: provenBy(digest) },
    at: { bucket: mirror.bucket, name: names.blob(digest) },
    source: { path: `${repository}/blobs/${written(digest)}`, repository },
    mediaType: 'application/octet-stream',
  });
  return asRegistry(answer, written(digest));
}

export async function pullManifest(pulled: Pulled, asked: PullRequest): Promise<Answer> {
  const { mirror, repository } = pulled;
  const { request, grant, names, reference } = asked;
  const digest = parsedDigest(reference);
  if (digest) {
    const manifest = manifestOf(pulled, names, digest);
    const told = async ({ head }: ToldHead) => (digestTold(head, digest) ? [] : undefined);
    const answer = await readAt(mirror, { request, grant, ...manifest, told });
    if (answer.kind === 'deliver') await toldTags(mirror).arrived(mirror, manifest.at, answer.blob.digest);
    return asRegistry(answer, written(digest));
  }
  const tag = new Tag(pulled, names, reference);
  const answer = await readAt(mirror, {
    ...{ request, grant, name: repository, source: sourceOf(pulled, reference) },
    at: { bucket: mirror.bucket, name: names.tag(reference) },
    rule: tagRule(mirror, request),
    check: checked(mirror),
    ...{ locate: tag.locate, told: tag.told },
  });
  return asRegistry(answer);
}

/** Whether something was pushed under a tag, or stood there before: no upstream is asked for it. */
export async function isOwnTag({ mirror }: Pulled, names: RepositoryNames, tag: string): Promise<boolean> {
  return ownOf(await kept(mirror, { bucket: mirror.bucket, name: names.tag(tag) })) !== undefined;
}

function tagRule(mirror: Mirror, { path }: EngineRequest): Ruled {
  const { freshSeconds = tagSeconds } = mirror.ruleOf(path) ?? {};
  return { immutable: false, freshSeconds, sha256: undefined };
}

function provenBy({ algorithm, hex }: ContentDigest): Ruled {
  const isUsual = algorithm === 'sha256';
  return {
    immutable: true,
    sha256: isUsual ? hex : undefined,
    ...(!isUsual && { digests: { sha512: hex } }),
  };
}

function sourceOf({ repository }: Pulled, reference: string): Source {
  return {
    path: `${repository}/manifests/${reference}`,
    accept: manifestTypes.join(', '),
    maxBytes: largestManifest,
    repository,
  };
}

/** What is fetched of a manifest by its digest, and where it is kept. */
function manifestOf(pulled: Pulled, names: RepositoryNames, digest: ContentDigest) {
  const { mirror, repository } = pulled;
  return {
    at: { bucket: mirror.bucket, name: names.manifest(digest) },
    name: repository,
    rule: provenBy(digest),
    source: sourceOf(pulled, written(digest)),
    check: checked(mirror),
  };
}

/** Nobody gets a manifest that was not looked at: it tells clients what else to fetch. */
function checked(mirror: Mirror): Check {
  return async ({ file, mediaType: type = '' }) => {
    const fault = await mirror.shared.documents.read('manifestFault', { file, type });
    if (fault !== undefined) throw unusable(`The manifest cannot be used: ${fault}`);
    return true;
  };
}

class Tag {
  readonly #pulled: Pulled;
  readonly #names: RepositoryNames;
  readonly #tag: string;

  constructor(pulled: Pulled, names: RepositoryNames, tag: string) {
    this.#pulled = pulled;
    this.#names = names;
    this.#tag = tag;
  }

  /** Registries count what is fetched, and not what is asked for by HEAD. */
  readonly locate: Locate = async (upstream) => {
    const { mirror } = this.#pulled;
    const fetched = await upstream.fetch({
      ...{ path: '', ...sourceOf(this.#pulled, this.#tag), method: 'HEAD', provable: true },
      take: () => undefined,
      signal: mirror.shared.signal,
    });
    const at = { bucket: mirror.bucket, name: this.#names.tag(this.#tag) };
    const before = await kept(mirror, at);
    if (fetched.kind === 'absent' || isDenied(fetched, upstream.name, before?.ref)) return 'absent';
    if (fetched.kind === 'failed') throw failure(fetched);
    const { status, fields } = fetched.head;
    const digest = parsedDigest(fields['docker-content-digest'] ?? '');
    if (status !== 200 || digest?.algorithm !== 'sha256') return 'fetch';
    if (before?.ref.digest === digest.hex) return 'kept';
    const mediaType = await this.#manifest(upstream, digest);
    // It is gone already, so the tag has moved on.
    if (mediaType === undefined) return 'fetch';
    const from = { digest: digest.hex, mediaType, fields: notedFields(upstream.name, fetched.head) };
    await mirror.services.objects.copy(from, at, { conditions: unconditional });
    mirror.shared.space.stored(at, before !== undefined);
    return 'kept';
  };

  /** HEAD fetches nothing. The tag is kept where its manifest is, and else when somebody fetches that. */
  readonly told = async (told: ToldHead) => {
    const { mirror } = this.#pulled;
    const digest = digestTold(told.head);
    if (!digest) return undefined;
    const at = { bucket: mirror.bucket, name: this.#names.tag(this.#tag) };
    if ((await kept(mirror, at))?.ref.digest === digest.hex) return 'kept' as const;
    const manifest = { bucket: mirror.bucket, name: this.#names.manifest(digest) };
    const tag = { at, told, since: Date.now() };
    if (await kept(mirror, manifest)) {
      await keepTag(mirror, tag, { at: manifest, digest: digest.hex });
      return 'kept' as const;
    }
    toldTags(mirror).add(manifest, tag);
    return [['Docker-Content-Digest', written(digest)] satisfies ResponseField];
  };

  /** The type of the manifest, which is here then; undefined: the upstream does not have it. */
  async #manifest(upstream: Upstream, digest: ContentDigest): Promise<string | undefined> {
    const { mirror } = this.#pulled;
    const missing = manifestOf(this.#pulled, this.#names, digest);
    const held = await kept(mirror, missing.at);
    if (held) return held.ref.mediaType;
    const its = { ...mirror, upstreams: () => [upstream] };
    const landed = await fill(its, { ...missing, current: undefined }).landed;
    if (landed.kind === 'absent') return undefined;
    if (landed.kind === 'failed') throw landed.error;
    const found = await kept(mirror, missing.at);
    if (found) return found.ref.mediaType;
    throw new SealgateError('store-full');
  }
}

/** @param digest what was asked for; absent: a tag. */
function asRegistry(answer: Answer, digest?: string): Answer {
  if (answer.kind === 'respond') return refused(answer);
  if (answer.kind !== 'deliver' && answer.kind !== 'describe' && answer.kind !== 'follow') return answer;
  // What is not here yet says its digest itself.
  if (answer.kind === 'follow' && digest === undefined)
    return { ...answer, fields: [...answer.fields, versionField] };
  const sha256 = answer.kind === 'deliver' ? answer.blob.digest : undefined;
  const named = digest ?? (answer.kind === 'describe' ? `sha256:${answer.digest}` : `sha256:${sha256}`);
  const own: ResponseField[] = [['Docker-Content-Digest', named], versionField];
  return { ...answer, fields: [...answer.fields, ...own] };
}

/** Throws what a mirror answers as a problem: registries say it in their own form. */
function refused(answer: Extract<Answer, { kind: 'respond' }>): Answer {
  if (!('problem' in answer)) return answer;
  const code = answer.problem as ErrorCode;
  const [, after] = answer.fields.find(([name]) => name === 'Retry-After') ?? [];
  const { detail } = errors[code];
  throw new SealgateError(code, detail, after === undefined ? {} : { retryAfter: Number(after) });
}
