// Uploads of blobs, in one request or several, by the uploads of the objects service: they are on disk,
// belong to who began them, and expire. What a blob is called is said by the last request, in its digest.

import type { EngineRequest } from '../../engine/engine_request.ts';
import { type Answer, append, type Receiver, respond } from '../../engine/plan.ts';
import { SealgateError } from '../../errors.ts';
import type { Hashed, RespondPlan, ResponseField } from '../../native/addon.ts';
import { there } from '../../objects/found.ts';
import type { Name } from '../../objects/objects.ts';
import type { ResumableUpload } from '../../objects/resumable_upload.ts';
import type { ResumableUploads } from '../../objects/resumable_uploads.ts';
import { callerOf } from '../../sites/authorize.ts';
import { RegistryError } from './errors.ts';
import { mounted } from './mount_blob.ts';
import { type ContentDigest, digestIn, promiseOf, written } from './names.ts';
import { at, authorized, type Registry, type RegistryRoute, type Target, unconditional } from './registry.ts';

/** Milliseconds from the last request of an upload until it is given up. */
const expireAfter = 24 * 3_600_000;
/** What is noted of uploads that are a registry's: no other protocol goes on with them. */
const marked = 'oci';
const mediaType = 'application/octet-stream';

export class BlobUploads {
  readonly #registry: Registry;
  readonly #uploads: ResumableUploads;

  constructor(registry: Registry) {
    const { uploads } = registry.services;
    if (!uploads) throw new Error('a registry takes uploads in several requests');
    this.#registry = registry;
    this.#uploads = uploads;
  }

  readonly begin: RegistryRoute = async (request, target) => {
    this.#authorize(request, target);
    const { query } = request;
    const mount = query.get('mount');
    if (mount !== null) {
      const digest = digestIn(mount);
      const from = query.get('from');
      if (await mounted(this.#registry, { request, target, digest, from }))
        return this.#blobAt(target, digest);
    }
    const said = mount === null ? query.get('digest') : null;
    const digest = said === null ? undefined : digestIn(said);
    const to = at(this.#registry, target.names.upload);
    const asked = { conditions: unconditional, mediaType };
    const about = { to, owner: callerOf(request), metadata: marked, expireAfter, asked };
    return this.#uploads.begin(about, (upload) =>
      digest ? this.#finish(request, target, upload, digest) : this.#state(202, target, upload),
    );
  };

  readonly state: RegistryRoute = (request, target) =>
    this.#with(request, target, (upload) => this.#state(204, target, upload));

  readonly append: RegistryRoute = (request, target) =>
    this.#with(request, target, async (upload) => {
      if (upload.isStored) throw new SealgateError('upload-busy');
      await upload.takeOver();
      const offset = await upload.offset();
      this.#checkRange(request, target, upload, offset);
      this.#uploads.renew(upload);
      await this.#reserve(request, target, target.names.upload, offset).then(({ settle }) => settle(false));
      return this.#receive(request, upload, offset, false, (its) => this.#state(202, target, its));
    });

  readonly finish: RegistryRoute = (request, target) =>
    this.#with(request, target, (upload) => {
      const digest = digestIn(request.query.get('digest') ?? '');
      return this.#finish(request, target, upload, digest);
    });

  readonly cancel: RegistryRoute = (request, target) =>
    this.#with(request, target, async (upload) => {
      await upload.takeOver();
      await this.#uploads.end(upload);
      return respond(204);
    });

  async #finish(
    request: EngineRequest,
    target: Target,
    upload: ResumableUpload,
    digest: ContentDigest,
  ): Promise<Answer> {
    const to = at(this.#registry, target.names.blob(digest));
    // The answer to the last request was lost, and the client sends it again.
    if (upload.isStored) {
      if (upload.about.to.name !== to.name)
        throw new RegistryError(404, 'BLOB_UPLOAD_UNKNOWN', 'The upload is another blob.');
      if (await this.#isFound(to)) return this.#blobAt(target, digest);
      throw new RegistryError(404, 'BLOB_UPLOAD_UNKNOWN', 'The blob was removed since: begin a new upload.');
    }
    await upload.takeOver();
    const offset = await upload.offset();
    this.#checkRange(request, target, upload, offset);
    // Before the body comes, to spare it, and once more when it is there.
    await this.#reserve(request, target, to.name, offset).then(({ settle }) => settle(false));
    // Its manifest comes later.
    this.#registry.common.marks.set(to);
    await upload.aim(to, { conditions: unconditional, mediaType, ...promiseOf(digest) });
    const done = () => this.#blobAt(target, digest);
    return this.#receive(request, upload, offset, { target, name: to.name }, done);
  }

  /** Whether the repository has a blob, which its client counts on from now on. */
  async #isFound(blob: Name): Promise<boolean> {
    const { services, common } = this.#registry;
    const found = await there(() => services.objects.head(blob));
    // Nothing may come between.
    if (!found || common.marks.isGoing(blob)) return false;
    if (common.marks.touch(blob)) await common.marks.save();
    return true;
  }

  #reserve({ framed, headers }: EngineRequest, target: Target, name: string, offset: number) {
    const size = offset + (framed ? Number(headers.get('content-length') ?? 0) : 0);
    return this.#registry.common.usage.reserve(this.#registry, target, name, size);
  }

  #receive(
    { framed, headers }: EngineRequest,
    { id, partial }: ResumableUpload,
    offset: number,
    last: { target: Target; name: string } | false,
    answer: (upload: ResumableUpload) => RespondPlan | Promise<RespondPlan>,
  ): Receiver {
    const length = headers.get('content-length');
    const left = this.#registry.services.objects.mostBytes() - offset;
    const bytes = framed ? Number(length ?? left) : 0;
    if (bytes > left) throw new SealgateError('body-too-large');
    const to = { file: partial, at: offset, last: false, sync: true, maxSize: Math.max(bytes, 1) };
    return append(to, (soFar) =>
      this.#uploads.use(id, async (upload) => {
        if (last) await this.#storeWithin(upload, offset, soFar, last);
        else await this.#uploads.received(upload, offset, soFar, false);
        return answer(upload);
      }),
    );
  }

  /** Stores what has come whole. What the quota has no room for is given up. */
  async #storeWithin(
    upload: ResumableUpload,
    offset: number,
    whole: Hashed,
    { target, name }: { target: Target; name: string },
  ): Promise<void> {
    const { usage } = this.#registry.common;
    const reserved = await usage.reserve(this.#registry, target, name, whole.size).catch(async (error) => {
      await this.#uploads.end(upload);
      throw error;
    });
    let isStored = false;
    try {
      await this.#uploads.received(upload, offset, whole, true);
      isStored = true;
    } finally {
      reserved.settle(isStored);
    }
  }

  /** An upload of whoever asks, to this repository. Those of others are not there. */
  #with<T>(
    request: EngineRequest,
    target: Target,
    use: (upload: ResumableUpload) => T | Promise<T>,
  ): Promise<T> {
    this.#authorize(request, target);
    if (!/^[0-9a-f]{64}$/.test(target.reference)) throw new SealgateError('not-found');
    return this.#uploads.use(target.reference, (upload) => {
      const { to, owner, metadata } = upload.about;
      const isOurs = to.bucket === this.#registry.bucket && to.name.startsWith(target.names.all);
      if (!isOurs || metadata !== marked || owner !== callerOf(request)) throw new SealgateError('not-found');
      return use(upload);
    });
  }

  #authorize(request: EngineRequest, { repository }: Target): void {
    const { bucket, services } = this.#registry;
    authorized(this.#registry, request, 'push', repository);
    services.objects.bucket(bucket);
  }

  /** The range that a chunk says must begin where the upload goes on. Throws BLOB_UPLOAD_INVALID. */
  #checkRange({ headers }: EngineRequest, target: Target, upload: ResumableUpload, offset: number): void {
    const said = headers.get('content-range');
    if (said === null) return;
    const [, first = '', last = ''] = /^(\d{1,15})-(\d{1,15})$/.exec(said) ?? [];
    const length = headers.get('content-length');
    const isWhole = length === null || Number(last) - Number(first) + 1 === Number(length);
    if (first !== '' && Number(first) === offset && isWhole) return;
    throw new RegistryError(
      416,
      'BLOB_UPLOAD_INVALID',
      `The upload goes on at byte ${offset}; Content-Range says the first and the last byte of the body.`,
      this.#fields(target, upload, offset),
    );
  }

  async #state(status: number, target: Target, upload: ResumableUpload): Promise<RespondPlan> {
    return respond(status, this.#fields(target, upload, await upload.offset()));
  }

  #fields({ repository }: Target, { id }: ResumableUpload, offset: number): ResponseField[] {
    return [
      ['Location', `${this.#registry.path}${repository}/blobs/uploads/${id}`],
      // As the registries of the specification's authors say that nothing has come.
      ['Range', `0-${Math.max(offset - 1, 0)}`],
      ['Docker-Upload-Uuid', id],
      ['Cache-Control', 'no-store'],
    ];
  }

  #blobAt({ repository }: Target, digest: ContentDigest): RespondPlan {
    return respond(201, [
      ['Location', `${this.#registry.path}${repository}/blobs/${written(digest)}`],
      ['Docker-Content-Digest', written(digest)],
    ]);
  }
}
