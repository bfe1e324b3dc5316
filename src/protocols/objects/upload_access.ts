// What both protocols of uploads in several requests do alike: who may, what the object is to be, and the
// plan by which a body is appended.

import type { EngineRequest, FieldLines } from '../../engine/engine_request.ts';
import { append, type Decision, type Receiver } from '../../engine/plan.ts';
import { hasCode, SealgateError } from '../../errors.ts';
import type { ResponseField } from '../../native/addon.ts';
import { conditionsOf } from '../../objects/conditions.ts';
import type { Name } from '../../objects/objects.ts';
import type { PutRequest, Stored } from '../../objects/requests.ts';
import type { NewUpload, ResumableUpload } from '../../objects/resumable_upload.ts';
import { callerOf } from '../../sites/authorize.ts';
import type { Captures } from '../../sites/resources.ts';
import { promisesOf } from './digest_fields.ts';
import { expiryOf } from './expiry_fields.ts';
import type { Services } from './services.ts';
import { sourceTime } from './source_time.ts';
import { objectTarget } from './target.ts';
import { bodyLength } from './upload.ts';
import { uploadFields } from './upload_fields.ts';

type Use<T> = (upload: ResumableUpload) => T | Promise<T>;

/** A body that goes on with an upload. */
export interface Appending {
  /** Where it begins. */
  at: number;
  /** Bytes of it; undefined: it comes in chunks. */
  bytes: number | undefined;
  /** Fields of a 104 that tells of the upload before its bytes have come. */
  interim?: ResponseField[] | undefined;
  /** Whether the upload is whole with so many bytes. Throws what the request is refused with. */
  isWhole(size: number): boolean;
  /** @param stored what has become of the object, when the upload was whole. */
  answer(upload: ResumableUpload, size: number, stored: Stored | undefined): Decision;
}

export class UploadAccess {
  readonly #services: Services;
  readonly #resumable: NonNullable<Services['resumable']>;

  constructor(services: Services, resumable: NonNullable<Services['resumable']>) {
    this.#services = services;
    this.#resumable = resumable;
  }

  /** The name that an upload is to be for, by somebody who may write it. */
  target(request: EngineRequest, captures: Captures<'/o/:bucket/:name{.+}'>): Name {
    const to = objectTarget(captures);
    this.#services.authorize(request, 'write', to.bucket);
    this.#services.objects.bucket(to.bucket);
    return to;
  }

  /** Throws `body-too-large`. @param length of the object, where it is known. @param first bytes now. */
  checkSize(length: number | undefined, first: number): void {
    if ((length ?? first) > this.#services.objects.mostBytes() || first > (length ?? first))
      throw new SealgateError('body-too-large');
  }

  /** Begins an upload: the request says of the object what PUT would. */
  begin<T>(
    request: EngineRequest,
    about: Pick<NewUpload, 'to' | 'length' | 'metadata'> & Pick<PutRequest, 'mediaType'>,
    use: Use<T>,
  ): Promise<T> {
    const { headers } = request;
    if (headers.get('content-digest') !== null)
      throw new SealgateError(
        'field-refused',
        'Content-Digest is of a part of the object here; promise a digest of all bytes in Repr-Digest.',
      );
    const { mediaType, ...upload } = about;
    const asked = {
      conditions: conditionsOf(headers),
      ...promisesOf(headers),
      mediaType,
      fields: uploadFields(headers),
      modified: sourceTime(headers),
      expires: expiryOf(headers),
      size: about.length,
    };
    const { uploads, expireAfter } = this.#resumable;
    return uploads.begin({ ...upload, owner: callerOf(request), expireAfter, asked }, use);
  }

  location({ id }: ResumableUpload): string {
    return `${this.#services.prefix}/uploads/${id}`;
  }

  /** An upload of whoever asks. Those of others are not there: who may write may not be allowed to read. */
  async with<T>(request: EngineRequest, id: string, use: Use<T>): Promise<T> {
    await this.#checkWaiting(request, id);
    return this.#resumable.uploads.use(id, (upload) => {
      this.#checkOwner(request, upload.about);
      return use(upload);
    });
  }

  /**
   * Bytes of one that another process receives: clients begin anew when they are told nothing. Rejects with
   * the error that the upload could not be used for, where it is another one.
   */
  async elsewhere(request: EngineRequest, id: string, error: unknown) {
    if (!hasCode(error, 'upload-busy')) throw error;
    const found = await this.#resumable.uploads.sizeElsewhere(id);
    if (found === undefined) throw error;
    const { about, size } = found;
    // All bytes are there and it may still be refused: whether it becomes the object is not known yet.
    if (size === about.length && !about.isStored) throw error;
    this.#checkOwner(request, found.about);
    return found;
  }

  /** @param refused answers a request that is refused after its body has come. */
  append(
    { id, about: { length }, partial }: ResumableUpload,
    { at, bytes, interim, isWhole, answer }: Appending,
    refused: (error: unknown) => Decision,
  ): Receiver {
    const { uploads } = this.#resumable;
    const left = (length ?? this.#services.objects.mostBytes()) - at;
    const to = { file: partial, at, last: false, sync: true, maxSize: Math.max(bytes ?? left, 1) };
    return append({ ...to, ...(interim && { interim }) }, (soFar) =>
      uploads
        .use(id, async (upload) =>
          answer(upload, soFar.size, await uploads.received(upload, at, soFar, isWhole(soFar.size))),
        )
        .catch(refused),
    );
  }

  renew(upload: ResumableUpload): void {
    this.#resumable.uploads.renew(upload);
  }

  /** Gives an upload up, also one that waits to be stored. */
  async cancel(request: EngineRequest, id: string): Promise<void> {
    const { uploads } = this.#resumable;
    await this.#checkWaiting(request, id);
    if (await uploads.endWaiting(id)) return;
    await this.with(request, id, async (upload) => {
      await upload.takeOver();
      await uploads.end(upload);
    });
  }

  /** Throws `body-too-large`. @param length that the client says. @param bytes of the body. */
  checkRoom({ about }: ResumableUpload, length: number | undefined, at: number, bytes = 0): void {
    const most = this.#services.objects.mostBytes();
    const said = about.length ?? length;
    if (said !== undefined && said <= most && at + bytes > said)
      throw new SealgateError(
        'body-too-large',
        `The upload would have ${at + bytes} bytes, and was said to have ${said}.`,
      );
    if ((length ?? 0) > most || at + bytes > most) throw new SealgateError('body-too-large');
  }

  /** What one waits for is told to nobody but whom it belongs to. */
  async #checkWaiting(request: EngineRequest, id: string): Promise<void> {
    const waiting = await this.#resumable.uploads.waiting(id);
    if (waiting) this.#checkOwner(request, waiting);
  }

  #checkOwner(request: EngineRequest, { to, owner }: Pick<NewUpload, 'to' | 'owner'>): void {
    this.#services.authorize(request, 'write', to.bucket);
    if (owner !== callerOf(request)) throw new SealgateError('not-found');
  }
}

/** Bytes of a body, 0 without one; undefined: it comes in chunks. */
export function bodyOf({ framed, headers }: EngineRequest): number | undefined {
  return framed ? bodyLength(headers) : 0;
}

/** A digest is promised when an upload is created, of all bytes. Throws `field-refused`. */
export function refuseDigests(headers: FieldLines): void {
  const { digest, digests } = promisesOf(headers);
  if (digest !== undefined || digests !== undefined)
    throw new SealgateError(
      'field-refused',
      'A digest is promised when the upload is created, of all bytes.',
    );
}

/** The upload goes on at another offset than a request said. */
export class OffsetDiffers extends SealgateError {
  readonly offset: number;

  constructor(offset: number, about?: Record<string, string | number>) {
    const detail = `The upload goes on at ${offset}, which Upload-Offset must say.`;
    super('offset-differs', detail, about && { about });
    this.offset = offset;
  }
}
