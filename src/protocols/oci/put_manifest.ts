// PUT of manifests, by digest or tag. Everything that one names is there before it is.

import { createHash } from 'node:crypto';
import { readFile, rename } from 'node:fs/promises';
import type { EngineRequest } from '../../engine/engine_request.ts';
import { receive, respond } from '../../engine/plan.ts';
import { SealgateError } from '../../errors.ts';
import type { RespondPlan, ResponseField } from '../../native/addon.ts';
import { there } from '../../objects/found.ts';
import { checkTag } from './content.ts';
import { RegistryError } from './errors.ts';
import { largestManifest, type Manifest, manifestIn } from './manifest.ts';
import { namedIn } from './named.ts';
import { type ContentDigest, parsedDigest, written } from './names.ts';
import { Needed } from './needed.ts';
import { referrerNote, subjectNote } from './referrer_notes.ts';
import {
  alone,
  at,
  authorized,
  keyOf,
  type Registry,
  type RegistryRoute,
  type Target,
  unconditional,
} from './registry.ts';

/** Tags that one request may give. */
const mostTags = 100;

export function putManifest(registry: Registry): RegistryRoute {
  const { objects } = registry.services;
  return (request, target) => {
    authorized(registry, request, 'push', target.repository);
    objects.bucket(registry.bucket);
    const put = askedBy(request, target);
    if (!request.framed) throw new SealgateError('length-required');
    if (Number(request.headers.get('content-length') ?? 0) > largestManifest)
      throw new SealgateError('body-too-large', `A manifest has up to ${largestManifest} bytes.`);
    const body = objects.receive(largestManifest, (staging) =>
      alone(registry, target, () => new Putting(registry, target, put).store(staging)),
    );
    return receive(body, (answer) => answer);
  };
}

interface Put {
  /** Undefined: it is asked for by a tag. */
  digest: ContentDigest | undefined;
  tags: readonly string[];
  mediaType: string | null;
}

function askedBy({ headers, query }: EngineRequest, { reference }: Target): Put {
  const digest = parsedDigest(reference);
  const mediaType = headers.get('content-type');
  if (!digest) {
    checkTag(reference);
    return { digest, tags: [reference], mediaType };
  }
  const tags = [...new Set(query.getAll('tag'))];
  if (tags.length > mostTags)
    throw new RegistryError(414, 'MANIFEST_INVALID', `One request gives up to ${mostTags} tags.`);
  for (const tag of tags) checkTag(tag);
  return { digest, tags, mediaType };
}

class Putting {
  readonly #registry: Registry;
  readonly #target: Target;
  readonly #put: Put;

  constructor(registry: Registry, target: Target, put: Put) {
    this.#registry = registry;
    this.#target = target;
    this.#put = put;
  }

  async store(staging: string): Promise<RespondPlan> {
    const bytes = await readFile(staging);
    const hex = createHash('sha256').update(bytes).digest('hex');
    const { digest = { algorithm: 'sha256', hex } } = this.#put;
    const sha512 =
      digest.algorithm === 'sha512' ? createHash('sha512').update(bytes).digest('hex') : undefined;
    if ((sha512 ?? hex) !== digest.hex)
      throw new RegistryError(400, 'DIGEST_INVALID', `The manifest has the digest sha256:${hex}.`);
    const manifest = manifestIn(bytes, this.#put.mediaType);
    const named = namedIn(bytes);
    const { common, bucket } = this.#registry;
    const pushed = [`sha256:${hex}`, written(digest), ...named.parts.map((part) => part.digest)];
    common.pushes(keyOf(bucket, this.#target.names), pushed);
    for (const blob of manifest.blobs) await this.#check(blob);
    const name = this.#target.names.manifest({ algorithm: 'sha256', hex });
    const { settle } = await common.usage.reserve(this.#registry, this.#target, name, bytes.length);
    let isStored = false;
    try {
      await this.#place(staging, manifest, { hex, size: bytes.length, sha512 });
      isStored = true;
    } finally {
      settle(isStored);
    }
    await new Needed(this.#registry, this.#target).keep(hex, pushed);
    return this.#answer(digest, manifest);
  }

  async #check({ digest, size }: Manifest['blobs'][number]): Promise<void> {
    const { services } = this.#registry;
    const found = await there(() =>
      services.objects.head(at(this.#registry, this.#target.names.blob(digest))),
    );
    if (found === undefined)
      throw new RegistryError(
        404,
        'MANIFEST_BLOB_UNKNOWN',
        `The repository does not have the blob ${written(digest)}.`,
      );
    if (found.size !== size)
      throw new RegistryError(
        400,
        'MANIFEST_INVALID',
        `The blob ${written(digest)} has ${found.size} bytes, and not ${size}.`,
      );
  }

  // The manifest is there before its tags, and what refers to its subject last.
  async #place(
    staging: string,
    manifest: Manifest,
    { hex, size, sha512 }: { hex: string; size: number; sha512: string | undefined },
  ): Promise<void> {
    const { objects } = this.#registry.services;
    const { names } = this.#target;
    const { mediaType, subject } = manifest;
    const note = subject && referrerNote(manifest, { hex, size });
    const digests = sha512 === undefined ? {} : { digests: { sha512 } };
    const about = { mediaType, ...(subject && { fields: subjectNote(subject) }) };
    const to = at(this.#registry, names.manifest({ algorithm: 'sha256', hex }));
    const body = objects.put(to, { conditions: unconditional, digest: hex, ...digests, ...about, size });
    await rename(staging, body.staging);
    await body.commit({ digest: hex, size, ...digests });
    const copy = (name: string, fields = about.fields) =>
      objects.copy({ digest: hex, ...digests, mediaType, fields }, at(this.#registry, name), {
        conditions: unconditional,
      });
    if (sha512 !== undefined) await copy(names.manifest({ algorithm: 'sha512', hex: sha512 }));
    if (subject) await copy(names.referrer(subject, hex), note);
    for (const tag of this.#put.tags) await copy(names.tag(tag));
  }

  #answer(digest: ContentDigest, { subject }: Manifest): RespondPlan {
    const { repository } = this.#target;
    const fields: ResponseField[] = [
      ['Location', `${this.#registry.path}${repository}/manifests/${written(digest)}`],
      ['Docker-Content-Digest', written(digest)],
    ];
    if (subject) fields.push(['OCI-Subject', written(subject)]);
    const isTagged = this.#put.digest !== undefined;
    if (isTagged) for (const tag of this.#put.tags) fields.push(['OCI-Tag', tag]);
    return respond(201, fields);
  }
}
