// Uploads in several requests by "Resumable Uploads for HTTP" (draft-ietf-httpbis-resumable-upload-11).
// PUT or POST of /o/{bucket}/{name…} with Upload-Complete: ?0 creates one; HEAD, PATCH and DELETE of
// /uploads/{id} ask for it, go on with it and give it up. A request with the whole object creates one as
// well (Upload-Complete: ?1) if its client understands the interim response (104) that tells where it is.

import type { EngineRequest, FieldLines } from '../../engine/engine_request.ts';
import { type Answer, problemFrom, type Receiver, respond } from '../../engine/plan.ts';
import { SealgateError } from '../../errors.ts';
import type { ResponseField } from '../../native/addon.ts';
import type { ResumableUpload, UploadRecord } from '../../objects/resumable_upload.ts';
import type { Captures, Route } from '../../sites/resources.ts';
import { objectStored } from './put_object.ts';
import type { ObjectRoute, Services, UploadRoute } from './services.ts';
import { checkBody } from './upload.ts';
import { bodyOf, OffsetDiffers, refuseDigests, UploadAccess } from './upload_access.ts';
import { uploadMediaType } from './upload_media_type.ts';

const interopVersion = 'upload-draft-interop-version';
const patchType = 'application/partial-upload';
/** Versions of the draft whose clients are understood: -03, -05 and what came after. */
const interopVersions = ['5', '6', '7', '8'];
const problemTypes = 'https://iana.org/assignments/http-problem-types#';

export class ResumableHttp {
  readonly #services: Services;
  readonly #access: UploadAccess;

  constructor(services: Services, resumable: NonNullable<Services['resumable']>) {
    this.#services = services;
    this.#access = new UploadAccess(services, resumable);
  }

  /** What OPTIONS tells a client that looks for it. */
  readonly options = (): ResponseField[] => [['Accept-Patch', patchType], this.#limit()];

  /** @param put answers a request that has the whole object. */
  create(put: ObjectRoute): ObjectRoute {
    return this.#spoken<'/o/:bucket/:name{.+}'>(async (request, captures) => {
      const { headers } = request;
      const isLast = isComplete(headers);
      if (isLast && !hearsOfUploads(headers)) return put(request, captures);
      const to = this.#access.target(request, captures);
      const first = bodyOf(request);
      checkBody({ framed: true, headers });
      const length = integer(headers, 'upload-length') ?? (isLast ? first : undefined);
      this.#access.checkSize(length, first ?? 0);
      const mediaType = uploadMediaType(headers);
      return this.#access.begin(request, { to, length, mediaType }, (upload): Answer => {
        const about: ResponseField[] = [['Location', this.#access.location(upload)]];
        if (first === 0 && !isLast) return this.#incomplete(upload, 201, 0, about);
        const interim = this.#interim(headers, about);
        return this.#append(upload, { at: 0, bytes: first, isLast, status: 201, about, interim });
      });
    });
  }

  get state(): UploadRoute {
    return this.#spoken<'/uploads/:id'>((request, { id }) =>
      this.#access
        .with(request, id, async (upload) => {
          await upload.takeOver();
          const offset = await offsetFor(request.headers, upload);
          return respond(204, this.#shown(upload.about, offset, upload.expires));
        })
        .catch(async (error) => {
          const { about, size } = await this.#access.elsewhere(request, id, error);
          return respond(204, this.#shown(about, size, about.expires));
        }),
    );
  }

  get append(): UploadRoute {
    return this.#spoken<'/uploads/:id'>((request, { id }) =>
      this.#access.with(request, id, async (upload) => {
        const { headers } = request;
        checkAppend(headers);
        const isLast = isComplete(headers);
        const bytes = bodyOf(request);
        await upload.takeOver();
        if (upload.isStored) throw alreadyComplete(bytes);
        const at = await offsetFor(headers, upload);
        const said = integer(headers, 'upload-offset');
        if (said === undefined) throw new SealgateError('field-refused', 'Upload-Offset: expected bytes.');
        if (said !== at) throw offsetDiffers(at, said);
        const length = lengthOf(headers, upload, isLast && bytes !== undefined ? at + bytes : undefined);
        this.#access.checkRoom(upload, length, at, bytes);
        await upload.setLength(length);
        this.#access.renew(upload);
        return this.#append(upload, { at, bytes, isLast, status: 204 });
      }),
    );
  }

  get cancel(): UploadRoute {
    return this.#spoken<'/uploads/:id'>(async (request, { id }) => {
      await this.#access.cancel(request, id);
      return respond(204);
    });
  }

  /** Tells of the upload those that say which version of the draft they know. */
  #interim(headers: FieldLines, about: readonly ResponseField[]): ResponseField[] | undefined {
    const version = headers.get(interopVersion);
    if (version === null) return undefined;
    return [...about, ['Upload-Draft-Interop-Version', version], this.#limit()];
  }

  #append(
    upload: ResumableUpload,
    { at, bytes, isLast, status, about = [], interim }: DraftAppend,
  ): Receiver {
    const { length, to, asked } = upload.about;
    const appending = {
      at,
      bytes,
      interim,
      isWhole: (size: number) => {
        if (isLast && length !== undefined && size !== length) throw lengthDiffers(length, size);
        return isLast;
      },
      answer: (
        its: ResumableUpload,
        size: number,
        stored: Parameters<typeof objectStored>[2] | undefined,
      ) => {
        if (stored === undefined) return this.#incomplete(its, status, size, about);
        const plan = objectStored(to, this.#services.prefix, stored, asked.modified);
        return { ...plan, fields: [...plan.fields, ...state(size, true)] };
      },
    };
    return this.#access.append(upload, appending, (error) => this.#refusal(error));
  }

  #incomplete(upload: ResumableUpload, status: number, size: number, about: readonly ResponseField[]) {
    return respond(status, [...about, ...state(size, false), this.#limit(upload.expires)]);
  }

  #shown({ length, isStored }: UploadRecord, offset: number, expires: number): ResponseField[] {
    const known: ResponseField[] = length === undefined ? [] : [['Upload-Length', `${length}`]];
    const isWhole = isStored === true;
    const fields: ResponseField[] = [...state(offset, isWhole), ...known, ['Cache-Control', 'no-store']];
    return [...fields, this.#limit(expires)];
  }

  /** @param expires when the upload is given up, milliseconds since the epoch. */
  #limit(expires?: number): ResponseField {
    const size = `max-size=${this.#services.objects.mostBytes()}`;
    if (expires === undefined) return ['Upload-Limit', size];
    const seconds = Math.max(Math.floor((expires - Date.now()) / 1000), 0);
    return ['Upload-Limit', `${size}, max-age=${seconds}`];
  }

  #spoken<Path extends string>(route: Route<Path>): Route<Path> {
    return async (request: EngineRequest, captures: Captures<Path>): Promise<Answer> => {
      try {
        const version = request.headers.get(interopVersion);
        if (version !== null && !interopVersions.includes(version))
          throw new SealgateError(
            'field-refused',
            `Upload-Draft-Interop-Version: ${interopVersions.join(', ')} are spoken here.`,
          );
        return await route(request, captures);
      } catch (error) {
        return this.#refusal(error);
      }
    };
  }

  #refusal(error: unknown) {
    const plan = problemFrom(error, this.#services.log);
    const more: ResponseField[] = [];
    if (error instanceof OffsetDiffers) more.push(...state(error.offset, false));
    if (plan.status === 413) more.push(this.#limit());
    return { ...plan, fields: [...plan.fields, ...more] };
  }
}

interface DraftAppend {
  at: number;
  bytes: number | undefined;
  /** The upload is whole once this body has come. */
  isLast: boolean;
  status: number;
  about?: readonly ResponseField[];
  interim?: ResponseField[] | undefined;
}

/** A digest of the body alone is compared by an ordinary PUT. */
function hearsOfUploads(headers: FieldLines): boolean {
  return headers.get(interopVersion) !== null && headers.get('content-digest') === null;
}

/** Whether a request begins an upload in several requests, or would be one of such an upload. */
export function saysCompleteness(headers: FieldLines): boolean {
  return ['?0', '?1'].includes(headers.get('upload-complete')?.trim() ?? '');
}

const isComplete = (headers: FieldLines) => headers.get('upload-complete')?.trim() === '?1';

function state(offset: number, isWhole: boolean): ResponseField[] {
  return [
    ['Upload-Offset', `${offset}`],
    ['Upload-Complete', isWhole ? '?1' : '?0'],
  ];
}

/**
 * Clients of -03 and -05 take an offset that is the length for success, whatever Upload-Complete says, so
 * they are asked for the last byte once more where their last request was cut off.
 */
function offsetFor(headers: FieldLines, upload: ResumableUpload): Promise<number> {
  const version = headers.get(interopVersion);
  return version === '5' || version === '6' ? upload.wantedOffset() : upload.offset();
}

/** A field with another value counts as one that was not sent (section 4.1 of the draft). */
function integer(headers: FieldLines, name: string): number | undefined {
  const given = headers.get(name);
  return given !== null && /^\d{1,15}$/.test(given) ? Number(given) : undefined;
}

/** @param implied by a last body of a known length. Throws `field-refused`. */
function lengthOf(headers: FieldLines, { about: { length } }: ResumableUpload, implied: number | undefined) {
  const said = integer(headers, 'upload-length');
  const all = [length, said, implied].filter((each) => each !== undefined);
  const [first] = all;
  const other = all.find((each) => each !== first);
  if (first !== undefined && other !== undefined) throw lengthDiffers(first, other);
  return first;
}

function checkAppend(headers: FieldLines): void {
  const type = headers.get('content-type')?.toLowerCase();
  // Clients of -03 have no type of their own for it.
  const isOlder = headers.get(interopVersion) === '5';
  if (type !== patchType && !isOlder) throw new SealgateError('append-type-unknown');
  if (!saysCompleteness(headers))
    throw new SealgateError('field-refused', 'Upload-Complete: expected ?0 or ?1.');
  checkBody({ framed: true, headers });
  refuseDigests(headers);
}

function offsetDiffers(offset: number, said: number): OffsetDiffers {
  const type = `${problemTypes}mismatching-upload-offset`;
  return new OffsetDiffers(offset, { type, 'expected-offset': offset, 'provided-offset': said });
}

function lengthDiffers(length: number, other: number): SealgateError {
  const type = `${problemTypes}inconsistent-upload-length`;
  const detail = `The upload was said to have ${length} bytes, and to have ${other}.`;
  return new SealgateError('field-refused', detail, { about: { type } });
}

function alreadyComplete(bytes: number | undefined): SealgateError {
  const detail = 'The upload is complete, and the object is stored.';
  const type = `${problemTypes}${bytes === 0 ? 'completed-upload' : 'inconsistent-upload-length'}`;
  return new SealgateError('field-refused', detail, { about: { type } });
}
