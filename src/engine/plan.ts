// Answers to requests: the plans that the engine carries out, built in one place so that every response of
// a kind has the same fields.

import type { Logger } from 'pino';
import type { ContentCoding } from '../content_coding.ts';
import { type DigestName, type Digests, reprDigest } from '../digest.ts';
import { type ErrorCode, errors, type ProblemMembers, problemBody, SealgateError } from '../errors.ts';
import type {
  AppendTarget,
  DeliverPlan,
  DescribePlan,
  Epoch,
  FollowPlan,
  GrowingFile,
  Hashed,
  ReceivePlan,
  RespondPlan,
  ResponseField,
  SealRecord,
  StagingTarget,
  WaitPlan,
} from '../native/addon.ts';
import { contentFields } from '../object_fields.ts';
import { type Cacheable, type Caching, cachingOf } from './caching.ts';

/** A response that refuses, with the problem it names. */
export interface ProblemPlan extends RespondPlan {
  problem: ErrorCode;
}

/** A plan to receive the body into a staging file, and what to do when it has arrived. */
export interface Upload extends ReceivePlan {
  sink: StagingTarget;
  /** Takes over the staging file, which is placed or removed when the promise settles. */
  received(body: Hashed): Promise<RespondPlan>;
}

/** A plan to append the body to a partial file, and what to answer when it has arrived. */
export interface Append extends ReceivePlan {
  sink: AppendTarget;
  /** @param soFar digest and size of the whole file, to which another request may be appended now. */
  received(soFar: Hashed): Decision | Promise<Decision>;
}

/** A plan to receive a small body into memory, and what to answer when it has arrived. */
export interface BodyRead extends ReceivePlan {
  sink: 'memory';
  received(body: Uint8Array<ArrayBuffer>): Decision | Promise<Decision>;
}

/** The answer to a request whose body has arrived, or that has none. */
export type Decision = DeliverPlan | DescribePlan | RespondPlan | FollowPlan | WaitPlan;
export type Answer = Decision | Receiver;
/** A plan that receives a body first. */
export type Receiver = Upload | Append | BodyRead;

export interface Delivery extends Cacheable {
  contentType: string;
  /** Milliseconds since the epoch; undefined where a date could mislead: then there is no Last-Modified. */
  created: number | undefined;
  /** The plan may be kept while this epoch stays; undefined: it is not kept. */
  cache: Epoch | undefined;
  /** Seconds since the epoch, until when the plan is kept at most; clients are not told. */
  planUntil?: number | undefined;
  /** Of an error page (native/plan.ts). */
  status?: number | undefined;
  /** Further digests of the bytes, which Repr-Digest tells. */
  digests?: Digests | undefined;
  /** Further fields of the answer. */
  more?: readonly ResponseField[] | undefined;
  /** Clients that accept other content codings have another answer. */
  negotiated?: boolean | undefined;
  /** How the bytes are coded for this client. */
  coding?: ContentCoding | undefined;
  /** The level that the seal of the bytes has to have (native/plan.ts). */
  floor?: NonNullable<DeliverPlan['floor']> | undefined;
}

export function deliver(blob: SealRecord, how: Delivery): DeliverPlan {
  const caching = cachingOf(how);
  const until = Math.min(
    caching.until ?? Number.POSITIVE_INFINITY,
    how.keptUntil ?? Number.POSITIVE_INFINITY,
    how.planUntil ?? Number.POSITIVE_INFINITY,
  );
  return {
    kind: 'deliver',
    blob,
    ...described(blob, how, caching),
    ...(until < Number.POSITIVE_INFINITY && { expires: until }),
    ...(how.negotiated && { codings: true }),
    ...(how.cache && { cache: how.cache }),
    grant: how.grant,
    ...(how.floor && { floor: how.floor }),
  };
}

/** @param otherwise the answer to a request for the blob's bytes. */
export function describe(
  blob: { digest: string; size: number },
  how: Delivery,
  otherwise: RespondPlan,
): DescribePlan {
  return {
    kind: 'describe',
    digest: blob.digest,
    size: blob.size,
    ...described(blob, how, cachingOf(how)),
    otherwise,
  };
}

const varyByCoding: ResponseField = ['Vary', 'Accept-Encoding'];

type Described = Pick<
  DeliverPlan,
  'status' | 'contentType' | 'fields' | 'contentFields' | 'reprDigest' | 'lastModified'
>;

function described({ digest }: { digest: string }, how: Delivery, { fields }: Caching): Described {
  const { status, coding, digests } = how;
  const recorded = contentFields(how.fields ?? {});
  const its: ResponseField[] = coding === undefined ? recorded : [...recorded, ['Content-Encoding', coding]];
  const more = how.negotiated ? [...(how.more ?? []), varyByCoding] : (how.more ?? []);
  return {
    ...(status !== undefined && { status }),
    contentType: how.contentType,
    fields: more.length > 0 ? [...fields, ...more] : fields,
    ...(its.length > 0 && { contentFields: its }),
    // The digests are those of the bytes as they are stored.
    ...(digests && coding === undefined && { reprDigest: reprDigest(digest, digests) }),
    lastModified: Math.floor((how.created ?? 0) / 1000),
  };
}

/**
 * @param body `growing`: who reads the body while it arrives; they are told what became of it.
 * @param answer makes the response from the result of the commit.
 */
export function receive<Result>(
  body: {
    staging: string;
    maxSize: number;
    digests?: readonly DigestName[];
    growing?: GrowingFile | undefined;
    commit(whole: Hashed): Promise<Result>;
  },
  answer: (result: Result) => RespondPlan,
): Upload {
  const { staging, maxSize, digests = [], growing, commit } = body;
  const received = async (whole: Hashed) => {
    try {
      const result = await commit(whole);
      growing?.finish();
      return answer(result);
    } catch (error) {
      growing?.fail();
      throw error;
    }
  };
  const sink = { path: staging, ...(digests.length > 0 && { digests }), ...(growing && { growing }) };
  return { kind: 'receive', sink, maxSize, received };
}

/**
 * Appends a body to a file, for an upload in several requests. While another request is writing to the file,
 * this one is refused with `upload-busy`.
 * @param to `last`: no request follows, so `received` may place the file. `maxSize`: most bytes of this
 *   body.
 */
export function append(
  to: AppendTarget & Pick<ReceivePlan, 'maxSize' | 'interim'>,
  received: Append['received'],
): Append {
  const { maxSize, interim, ...sink } = to;
  return { kind: 'receive', sink, maxSize, ...(interim && { interim }), received };
}

/**
 * Reads a small body that decides about the answer. A request without a body has an empty one.
 * @param maxSize bytes, at most `maxMemoryBodyBytes`; a longer body is answered 413.
 */
export function readBody(maxSize: number, received: BodyRead['received']): BodyRead {
  return { kind: 'receive', sink: 'memory', maxSize, received };
}

export function respond(
  status: number,
  fields: readonly ResponseField[] = [],
  body: string | Uint8Array = '',
): RespondPlan {
  return { kind: 'respond', status, fields, body };
}

/** @param fields besides Content-Type. */
export function respondJson(
  status: number,
  value: unknown,
  fields: readonly ResponseField[] = [],
): RespondPlan {
  return respond(status, [['Content-Type', 'application/json'], ...fields], `${JSON.stringify(value)}\n`);
}

/**
 * @param fields to add. @param retryAfter seconds, of what may be tried again. @param about further members
 *   of the document.
 */
export function problem(
  code: ErrorCode,
  detail?: string,
  fields: readonly ResponseField[] = [],
  { retryAfter, about }: { retryAfter?: number | undefined; about?: ProblemMembers | undefined } = {},
): ProblemPlan {
  const { status, retryable } = errors[code];
  const all: ResponseField[] = [
    ['Content-Type', 'application/problem+json'],
    ['Cache-Control', 'no-store'],
  ];
  if (status === 401) all.push(...challenges(code));
  const seconds = retryAfter ?? (retryable && status >= 500 ? 5 : undefined);
  if (seconds !== undefined) all.push(['Retry-After', `${seconds}`]);
  return { ...respond(status, [...all, ...fields], problemBody(code, detail, about)), problem: code };
}

// RFC 6750 3: a request without credentials is told no error code. Some clients send a password only after a
// challenge to basic authentication.
function challenges(code: ErrorCode): ResponseField[] {
  const bearer = 'Bearer realm="sealgate"';
  return [
    ['WWW-Authenticate', code === 'token-missing' ? bearer : `${bearer}, error="invalid_token"`],
    ['WWW-Authenticate', 'Basic realm="sealgate", charset="UTF-8"'],
  ];
}

/**
 * The refusal for an error. Errors of the server are logged, and the client gets only the text of the table
 * in errors.ts.
 */
export function problemFrom(error: unknown, log: Pick<Logger, 'error'>, request = ''): ProblemPlan {
  const code = error instanceof SealgateError ? error.code : 'internal';
  if (error instanceof SealgateError && error.retryAfter !== undefined)
    return problem(code, error.message, [], error);
  const ours = errors[code].source !== 'client';
  if (ours) log.error({ err: error, problem: code, request }, 'a request failed');
  return ours ? problem(code) : problem(code, (error as SealgateError).message, [], error as SealgateError);
}

/** The answer; what is thrown, now or after the body of the request has come, becomes a refusal. */
export async function refusing(
  ask: () => Answer | Promise<Answer>,
  refusal: (error: unknown) => RespondPlan,
): Promise<Answer> {
  try {
    const answer = await ask();
    return answer.kind === 'receive' ? refusingReceiver(answer, refusal) : answer;
  } catch (error) {
    return refusal(error);
  }
}

function refusingReceiver(plan: Receiver, refusal: (error: unknown) => RespondPlan): Receiver {
  const received = async (body: never) => {
    try {
      return await plan.received(body);
    } catch (error) {
      return refusal(error);
    }
  };
  return { ...plan, received } as Receiver;
}
