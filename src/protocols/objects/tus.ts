// Uploads in several requests by tus 1.0.0 (tus.io/protocols/resumable-upload): the core protocol, creation
// (also with the first bytes, or a length that is not known yet), expiration and termination.
// POST /o/{bucket}/{name…} creates one; HEAD, PATCH and DELETE of /uploads/{id} ask for it, go on with it and
// give it up. The request that creates it says what PUT would say of the object.

import type { EngineRequest, FieldLines } from '../../engine/engine_request.ts';
import { type Answer, problemFrom, type Receiver, respond } from '../../engine/plan.ts';
import { SealgateError } from '../../errors.ts';
import type { ResponseField } from '../../native/addon.ts';
import type { NewUpload, ResumableUpload } from '../../objects/resumable_upload.ts';
import type { Captures, Route } from '../../sites/resources.ts';
import type { ObjectRoute, Services, UploadRoute } from './services.ts';
import { describedIn, isAppend, lengthOf, refuseChecksums, wholeNumber } from './tus_fields.ts';
import { checkBody } from './upload.ts';
import { bodyOf, OffsetDiffers, refuseDigests, UploadAccess } from './upload_access.ts';

const version: ResponseField = ['Tus-Resumable', '1.0.0'];
const extensions = 'creation,creation-with-upload,creation-defer-length,expiration,termination';

export class Tus {
  readonly #services: Services;
  readonly #access: UploadAccess;

  constructor(services: Services, resumable: NonNullable<Services['resumable']>) {
    this.#services = services;
    this.#access = new UploadAccess(services, resumable);
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
      const { headers } = request;
      const to = this.#access.target(request, captures);
      const first = bodyOf(request);
      if (first !== 0 && !isAppend(headers)) throw new SealgateError('append-type-unknown');
      checkBody({ framed: true, headers });
      refuseChecksums(headers);
      const length = lengthOf(headers);
      this.#access.checkSize(length, first ?? 0);
      return this.#access.begin(request, { to, length, ...describedIn(headers) }, (upload) => {
        const about: ResponseField[] = [['Location', this.#access.location(upload)]];
        if (first === 0 && length !== 0) return this.#answer(upload, 201, about);
        return this.#append(upload, { at: 0, bytes: first, status: 201, about });
      });
    });
  }

  get state(): UploadRoute {
    return this.#spoken<'/uploads/:id'>((request, { id }) =>
      this.#access
        .with(request, id, async (upload) => {
          await upload.takeOver();
          const offset = await upload.wantedOffset();
          return respond(204, [...shown(upload.about, offset), ...shownEnd(upload)]);
        })
        .catch(async (error) => {
          const { about, size } = await this.#access.elsewhere(request, id, error);
          return respond(204, shown(about, size));
        }),
    );
  }

  get append(): UploadRoute {
    return this.#spoken<'/uploads/:id'>((request, { id }) =>
      this.#access.with(request, id, async (upload) => {
        const { headers } = request;
        checkAppend(request);
        await upload.takeOver();
        const at = await upload.wantedOffset();
        if (wholeNumber('Upload-Offset', headers) !== at) throw new OffsetDiffers(at);
        const bytes = bodyOf(request);
        const length = lengthFrom(headers, upload);
        this.#access.checkRoom(upload, length, at, bytes);
        await upload.setLength(length);
        this.#access.renew(upload);
        if (upload.isStored) return this.#answer(upload, 204, [['Upload-Offset', `${at}`]]);
        return this.#append(upload, { at, bytes, status: 204 });
      }),
    );
  }

  get cancel(): UploadRoute {
    return this.#spoken<'/uploads/:id'>(async (request, { id }) => {
      await this.#access.cancel(request, id);
      return respond(204);
    });
  }

  #append(upload: ResumableUpload, { at, bytes, status, about = [] }: TusAppend): Receiver {
    const { length } = upload.about;
    const appending = {
      at,
      bytes,
      isWhole: (size: number) => size === length,
      answer: (its: ResumableUpload, size: number) =>
        this.#answer(its, status, [...about, ['Upload-Offset', `${size}`]]),
    };
    return this.#access.append(upload, appending, (error) => this.#refusal(error));
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

interface TusAppend {
  at: number;
  bytes: number | undefined;
  status: number;
  about?: readonly ResponseField[];
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

/** A length that was not known may be said with any of the requests that follow. */
function lengthFrom(headers: FieldLines, { about: { length } }: ResumableUpload): number | undefined {
  if (headers.get('upload-length') === null) return length;
  const said = wholeNumber('Upload-Length', headers);
  if (length !== undefined && said !== length)
    throw new SealgateError('field-refused', `Upload-Length: the upload has ${length} bytes.`);
  return said;
}

function checkAppend({ headers }: EngineRequest): void {
  if (!isAppend(headers)) throw new SealgateError('append-type-unknown');
  checkBody({ framed: true, headers });
  refuseChecksums(headers);
  refuseDigests(headers);
}
