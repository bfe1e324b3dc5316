// Uploads in several requests by tus 1.0.0 (tus.io/protocols/resumable-upload): the core protocol, creation
// (also with the first bytes, or a length that is not known yet), expiration and termination.
// POST /o/{bucket}/{name…} creates one; HEAD, PATCH and DELETE of /uploads/{id} ask for it, go on with it and
// give it up. The request that creates it says what PUT would say of the object.

import type { EngineRequest, FieldLines } from '../../engine/engine_request.ts';
import { type Answer, append, problemFrom, type Receiver, respond } from '../../engine/plan.ts';
import { hasCode, SealgateError } from '../../errors.ts';
import type { ResponseField } from '../../native/addon.ts';
import { conditionsOf } from '../../objects/conditions.ts';
import type { NewUpload, ResumableUpload } from '../../objects/resumable_upload.ts';
import { callerOf } from '../../sites/authorize.ts';
import type { Captures, Route } from '../../sites/resources.ts';
import { promisesOf } from './digest_fields.ts';
import { expiryOf } from './expiry_fields.ts';
import type { ObjectRoute, Services, UploadRoute } from './services.ts';
import { sourceTime } from './source_time.ts';
import { objectTarget } from './target.ts';
import { describedIn, isAppend, lengthOf, refuseChecksums, wholeNumber } from './tus_fields.ts';
import { bodyLength, checkBody } from './upload.ts';
import { uploadFields } from './upload_fields.ts';

const version: ResponseField = ['Tus-Resumable', '1.0.0'];
const extensions = 'creation,creation-with-upload,creation-defer-length,expiration,termination';

export class Tus {
  readonly #services: Services;
  readonly #resumable: NonNullable<Services['resumable']>;

  constructor(services: Services, resumable: NonNullable<Services['resumable']>) {
    this.#services = services;
    this.#resumable = resumable;
  }

  /** What OPTIONS tells a client that looks for tus. */
  readonly options = (): ResponseField[] => [
    version,
    ['Tus-Version', '1.0.0'],
    ['Tus-Extension', extensions],
    ['Tus-Max-Size', `${this.#services.objects.mostBytes()}`],
  ];

  get create(): ObjectRoute {
    return this.#spoken<'/o/:bucket/:name{.+}'>((request, captures) => {
      const { objects, authorize, prefix } = this.#services;
      const { headers } = request;
      const to = objectTarget(captures);
      authorize(request, 'write', to.bucket);
      objects.bucket(to.bucket);
      const first = bodyOf(request);
      if (first !== 0 && !isAppend(headers)) throw new SealgateError('append-type-unknown');
      checkBody({ framed: true, headers });
      refuseChecksums(headers);
      const length = lengthOf(headers);
      const bytes = first ?? 0;
      if ((length ?? bytes) > objects.mostBytes() || bytes > (length ?? bytes))
        throw new SealgateError('body-too-large');
      const { metadata, mediaType } = describedIn(headers);
      const asked = {
        conditions: conditionsOf(headers),
        ...promisesOf(headers),
        mediaType,
        fields: uploadFields(headers),
        modified: sourceTime(headers),
        expires: expiryOf(headers),
        size: length,
      };
      const { uploads, expireAfter } = this.#resumable;
      const owner = callerOf(request);
      return uploads.begin({ to, owner, length, metadata, expireAfter, asked }, (upload) => {
        const about: ResponseField[] = [['Location', `${prefix}/uploads/${upload.id}`]];
        if (first === 0 && length !== 0) return this.#answer(upload, 201, about);
        return this.#append(upload, { at: 0, bytes: first, status: 201, about });
      });
    });
  }

  get state(): UploadRoute {
    return this.#spoken<'/uploads/:id'>((request, { id }) =>
      this.#with(request, id, async (upload) => {
        const offset = await upload.wantedOffset();
        return respond(204, [...shown(upload.about, offset), ...shownEnd(upload)]);
      }).catch((error) => this.#stateElsewhere(request, id, error)),
    );
  }

  get append(): UploadRoute {
    return this.#spoken<'/uploads/:id'>((request, { id }) =>
      this.#with(request, id, async (upload) => {
        const { headers } = request;
        checkAppend(request);
        if (upload.isBusy) throw new SealgateError('upload-busy');
        const at = await upload.wantedOffset();
        if (wholeNumber('Upload-Offset', headers) !== at) throw new OffsetDiffers(at);
        const bytes = bodyOf(request);
        const length = this.#lengthFrom(headers, upload);
        const most = length ?? this.#services.objects.mostBytes();
        if (at + (bytes ?? 0) > most) throw new SealgateError('body-too-large');
        await upload.setLength(length);
        this.#resumable.uploads.renew(upload);
        if (upload.isStored) return this.#answer(upload, 204, [['Upload-Offset', `${at}`]]);
        return this.#append(upload, { at, bytes, status: 204 });
      }),
    );
  }

  get cancel(): UploadRoute {
    return this.#spoken<'/uploads/:id'>((request, { id }) =>
      this.#with(request, id, async (upload) => {
        if (upload.isBusy) throw new SealgateError('upload-busy');
        await this.#resumable.uploads.end(upload);
        return respond(204);
      }),
    );
  }

  /** A length that was not known may be said with any of the requests that follow. */
  #lengthFrom(headers: FieldLines, { about: { length } }: ResumableUpload): number | undefined {
    if (headers.get('upload-length') === null) return length;
    const said = wholeNumber('Upload-Length', headers);
    if (length !== undefined && said !== length)
      throw new SealgateError('field-refused', `Upload-Length: the upload has ${length} bytes.`);
    if (said > this.#services.objects.mostBytes()) throw new SealgateError('body-too-large');
    return said;
  }

  /** @param bytes of this body; undefined: it comes in chunks, and may be all that is left. */
  #append(
    { id, about: { length }, partial }: ResumableUpload,
    { at, bytes, status, about = [] }: Appending,
  ): Receiver {
    const { uploads } = this.#resumable;
    const left = (length ?? this.#services.objects.mostBytes()) - at;
    const to = { file: partial, at, last: false, sync: true, maxSize: Math.max(bytes ?? left, 1) };
    return append(to, (soFar) =>
      uploads
        .use(id, async (upload) => {
          await uploads.received(upload, at, soFar, soFar.size === upload.about.length);
          return this.#answer(upload, status, [...about, ['Upload-Offset', `${soFar.size}`]]);
        })
        .catch((error) => this.#refusal(error)),
    );
  }

  /** An upload of whoever asks. Those of others are not there: who may write may not be allowed to read. */
  #with<T>(request: EngineRequest, id: string, use: (upload: ResumableUpload) => T | Promise<T>): Promise<T> {
    return this.#resumable.uploads.use(id, (upload) => {
      this.#checkOwner(request, upload.about);
      return use(upload);
    });
  }

  #checkOwner(request: EngineRequest, { to, owner }: Pick<NewUpload, 'to' | 'owner'>): void {
    this.#services.authorize(request, 'write', to.bucket);
    if (owner !== callerOf(request)) throw new SealgateError('not-found');
  }

  /** Clients begin anew when they are told nothing, so one that a replaced process receives is shown. */
  async #stateElsewhere(request: EngineRequest, id: string, error: unknown): Promise<Answer> {
    if (!hasCode(error, 'upload-busy')) throw error;
    const found = await this.#resumable.uploads.sizeElsewhere(id);
    if (found === undefined || found.size === found.about.length) throw error;
    this.#checkOwner(request, found.about);
    return respond(204, shown(found.about, found.size));
  }

  #answer(upload: ResumableUpload, status: number, about: readonly ResponseField[]) {
    return respond(status, [version, ...about, ...shownEnd(upload)]);
  }

  /** Every request and answer says the version. */
  #spoken<Path extends string>(route: Route<Path>): Route<Path> {
    return async (request: EngineRequest, captures: Captures<Path>): Promise<Answer> => {
      try {
        if (request.headers.get('tus-resumable') !== '1.0.0') throw new SealgateError('tus-version-unknown');
        return said(await route(request, captures));
      } catch (error) {
        return this.#refusal(error);
      }
    };
  }

  #refusal(error: unknown) {
    const plan = problemFrom(error, this.#services.log);
    const about: ResponseField[] = [version, ['Tus-Version', '1.0.0']];
    if (error instanceof OffsetDiffers) about.push(['Upload-Offset', `${error.offset}`]);
    return { ...plan, fields: [...plan.fields, ...about] };
  }
}

interface Appending {
  at: number;
  bytes: number | undefined;
  status: number;
  about?: readonly ResponseField[];
}

class OffsetDiffers extends SealgateError {
  readonly offset: number;

  constructor(offset: number) {
    super('offset-differs', `The upload goes on at ${offset}, which Upload-Offset must say.`);
    this.offset = offset;
  }
}

function said(answer: Answer): Answer {
  if (answer.kind !== 'respond' || answer.fields.some(([name]) => name === version[0])) return answer;
  return { ...answer, fields: [version, ...answer.fields] };
}

/** Expired uploads are gone, so clients may want to know when. */
function shownEnd({ expires, isStored }: ResumableUpload): ResponseField[] {
  return isStored ? [] : [['Upload-Expires', new Date(expires).toUTCString()]];
}

function shown({ length, metadata }: NewUpload, offset: number): ResponseField[] {
  const about: ResponseField[] = [
    ['Upload-Offset', `${offset}`],
    length === undefined ? ['Upload-Defer-Length', '1'] : ['Upload-Length', `${length}`],
    ['Cache-Control', 'no-store'],
  ];
  return metadata === undefined ? about : [...about, ['Upload-Metadata', metadata]];
}

function checkAppend({ headers }: EngineRequest): void {
  if (!isAppend(headers)) throw new SealgateError('append-type-unknown');
  checkBody({ framed: true, headers });
  refuseChecksums(headers);
  const { digest, digests } = promisesOf(headers);
  if (digest !== undefined || digests !== undefined)
    throw new SealgateError(
      'field-refused',
      'A digest is promised when the upload is created, of all bytes.',
    );
}

/** Bytes of a body, 0 without one; undefined: it comes in chunks. */
function bodyOf({ framed, headers }: EngineRequest): number | undefined {
  return framed ? bodyLength(headers) : 0;
}
