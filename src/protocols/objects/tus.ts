// Uploads in several requests by tus 1.0.0 (tus.io/protocols/resumable-upload): the core protocol, creation
// (also with the first bytes, or a length that is not known yet), expiration and termination.
// POST /o/{bucket}/{name…} creates one; HEAD, PATCH and DELETE of /uploads/{id} ask for it, go on with it and
// give it up. The request that creates it says what PUT would say of the object.

import type { EngineRequest, FieldLines } from '../../engine/engine_request.ts';
import { type Answer, append, problemFrom, type Receiver, respond } from '../../engine/plan.ts';
import { SealgateError } from '../../errors.ts';
import type { ResponseField } from '../../native/addon.ts';
import { conditionsOf } from '../../objects/conditions.ts';
import type { ResumableUpload } from '../../objects/resumable_uploads.ts';
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
      if (first > 0 && !isAppend(headers)) throw new SealgateError('append-type-unknown');
      checkBody({ framed: true, headers });
      refuseChecksums(headers);
      const length = lengthOf(headers);
      if ((length ?? first) > objects.mostBytes() || first > (length ?? first))
        throw new SealgateError('body-too-large');
      const { metadata, mediaType } = describedIn(headers);
      const object = objects.put(to, {
        conditions: conditionsOf(headers),
        ...promisesOf(headers),
        mediaType,
        fields: uploadFields(headers),
        modified: sourceTime(headers),
        expires: expiryOf(headers),
        size: length,
      });
      const { uploads, expireAfter } = this.#resumable;
      const upload = uploads.begin({ to, owner: callerOf(request), length, metadata, expireAfter, object });
      const about: ResponseField[] = [['Location', `${prefix}/uploads/${upload.id}`]];
      if (first === 0 && length !== 0) return this.#answer(upload, 201, about);
      return this.#append(upload, 0, first, 201, about);
    });
  }

  get state(): UploadRoute {
    return this.#spoken<'/uploads/:id'>((request, { id }) => {
      const upload = this.#find(request, id);
      const { length } = upload;
      const { metadata } = upload.about;
      const about: ResponseField[] = [
        ['Upload-Offset', `${upload.offset()}`],
        length === undefined ? ['Upload-Defer-Length', '1'] : ['Upload-Length', `${length}`],
        ['Cache-Control', 'no-store'],
      ];
      if (metadata !== undefined) about.push(['Upload-Metadata', metadata]);
      return respond(204, [...about, ...shownEnd(upload)]);
    });
  }

  get append(): UploadRoute {
    return this.#spoken<'/uploads/:id'>((request, { id }) => {
      const { headers } = request;
      const upload = this.#find(request, id);
      if (!isAppend(headers)) throw new SealgateError('append-type-unknown');
      checkBody({ framed: true, headers });
      refuseChecksums(headers);
      const { digest, digests } = promisesOf(headers);
      if (digest !== undefined || digests !== undefined)
        throw new SealgateError(
          'field-refused',
          'A digest is promised when the upload is created, of all bytes.',
        );
      if (upload.isBusy) throw new SealgateError('upload-busy');
      const at = upload.offset();
      if (wholeNumber('Upload-Offset', headers) !== at) throw new OffsetDiffers(at);
      const bytes = bodyOf(request);
      const length = this.#lengthFrom(headers, upload);
      const most = length ?? this.#services.objects.mostBytes();
      if (at + bytes > most) throw new SealgateError('body-too-large');
      upload.length = length;
      this.#resumable.uploads.renew(upload);
      if (upload.isStored) return this.#answer(upload, 204, [['Upload-Offset', `${at}`]]);
      return this.#append(upload, at, bytes, 204);
    });
  }

  get cancel(): UploadRoute {
    return this.#spoken<'/uploads/:id'>(async (request, { id }) => {
      const upload = this.#find(request, id);
      if (upload.isBusy) throw new SealgateError('upload-busy');
      await this.#resumable.uploads.end(upload);
      return respond(204);
    });
  }

  /** A length that was not known may be said with any of the requests that follow. */
  #lengthFrom(headers: FieldLines, { length }: ResumableUpload): number | undefined {
    if (headers.get('upload-length') === null) return length;
    const said = wholeNumber('Upload-Length', headers);
    if (length !== undefined && said !== length)
      throw new SealgateError('field-refused', `Upload-Length: the upload has ${length} bytes.`);
    if (said > this.#services.objects.mostBytes()) throw new SealgateError('body-too-large');
    return said;
  }

  #append(
    upload: ResumableUpload,
    at: number,
    bytes: number,
    status: number,
    about: readonly ResponseField[] = [],
  ): Receiver {
    const { uploads } = this.#resumable;
    const last = at + bytes === upload.length;
    const to = { file: upload.file, at, last, sync: true, maxSize: Math.max(bytes, 1) };
    return append(to, async (soFar) => {
      try {
        if (last) await uploads.store(upload, soFar);
      } catch (error) {
        return this.#refusal(error);
      }
      uploads.renew(upload);
      return this.#answer(upload, status, [...about, ['Upload-Offset', `${soFar.size}`]]);
    });
  }

  // Uploads of others are not there: who has the right to write may not have the right to read.
  #find(request: EngineRequest, id: string): ResumableUpload {
    const upload = this.#resumable.uploads.find(id);
    if (upload === undefined) throw new SealgateError('not-found');
    this.#services.authorize(request, 'write', upload.about.to.bucket);
    if (upload.about.owner !== callerOf(request)) throw new SealgateError('not-found');
    return upload;
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

/** Which request is the last has to be known before it is received. */
function bodyOf({ framed, headers }: EngineRequest): number {
  const length = bodyLength(headers);
  if (framed && length === undefined)
    throw new SealgateError('length-required', 'What is appended needs a Content-Length.');
  return length ?? 0;
}
