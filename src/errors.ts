// All errors that a client or operator can get: HTTP status, message, who caused it, and whether a retry can
// help. The engine uses the same names (native/http/problem.h) and gets its responses from this table.

export type Source = 'client' | 'store' | 'server';

export interface ErrorKind {
  status: number;
  detail: string;
  source: Source;
  retryable: boolean;
}

const client = (status: number, detail: string): ErrorKind => ({
  status,
  detail,
  source: 'client',
  retryable: false,
});
const later = (status: number, detail: string, source: Source = 'server'): ErrorKind => ({
  status,
  detail,
  source,
  retryable: true,
});

/** Errors that the engine itself responds with; the keys are the names in native/http/problem.h. */
export const engineErrors = {
  'head-malformed': client(400, 'The request head is not well-formed.'),
  'host-invalid': client(400, 'A request names exactly one host, in Host or :authority.'),
  'framing-ambiguous': client(400, 'The length of the request body is ambiguous.'),
  'chunk-malformed': client(400, 'A chunk of the request body is malformed.'),
  'plaintext-on-tls': client(400, 'This port speaks TLS; the request came in the clear.'),
  'head-timeout': later(408, 'The request head did not arrive in time.', 'client'),
  'body-timeout': later(408, 'The request body came too slowly.', 'client'),
  'body-too-large': client(413, 'The request body is larger than this server accepts.'),
  'target-too-long': client(414, 'The request target is too long.'),
  'range-unsatisfiable': client(416, 'None of the ranges can be served.'),
  'upload-taken-over': client(409, 'A newer request goes on with this upload.'),
  'precondition-failed': client(412, 'A precondition of the request is false.'),
  'expectation-unknown': client(417, 'The only expectation understood is 100-continue.'),
  'rate-limited': later(429, 'There were more requests, or bytes, than are allowed in this time.', 'client'),
  'head-too-large': client(431, 'The request head has too many fields or is too long.'),
  'seal-broken': {
    status: 500,
    detail: 'The stored file failed its proof and was withdrawn.',
    source: 'store',
    retryable: false,
  },
  'seal-too-low': later(
    503,
    'The stored file is not kept from changing as well as is required here.',
    'store',
  ),
  'store-read-failed': later(503, 'The stored file cannot be reached at the moment.', 'store'),
  'store-write-failed': later(500, 'The store could not be written.', 'store'),
  'plan-out-of-place': later(500, 'The server failed to answer.'),
  'method-unknown': client(501, 'The method is not known.'),
  'coding-unknown': client(501, 'The only transfer coding understood is chunked.'),
  'application-overloaded': later(503, 'The server is busy.'),
  'version-unsupported': client(505, 'The request line names a version other than HTTP/1.0 and HTTP/1.1.'),
  'store-full': later(507, 'The store has no space left.', 'store'),
  'upload-failed': later(503, 'The upload of this object ended before it was whole.'),
} as const satisfies Record<string, ErrorKind>;

/** Errors of the application and the store. */
const applicationErrors = {
  'target-invalid': client(400, 'The request path is not a valid name.'),
  'digest-invalid': client(400, 'The digest field cannot be read, or names no sha-256.'),
  'media-type-invalid': client(400, 'The Content-Type is not a media type.'),
  'partial-put-refused': client(400, 'An upload is a whole file; Content-Range is not accepted.'),
  'fields-invalid': client(400, 'What is to be recorded of the object is not valid.'),
  'field-refused': client(400, 'A field of the request asks for something that is not done here.'),
  'query-invalid': client(400, 'A query parameter is not valid.'),
  'list-invalid': client(400, 'The list of names is not valid.'),
  'token-missing': client(401, 'This request needs a bearer token, or the token as a password.'),
  'token-unknown': client(401, 'The token is not known.'),
  'scope-missing': client(403, 'The token does not allow this.'),
  'address-denied': client(403, 'This site does not serve your address.'),
  'signature-missing': client(403, 'This site serves signed URLs alone, and the URL has no signature.'),
  'signature-invalid': client(403, 'The signature of the URL does not allow this request.'),
  'signature-expired': client(403, 'The signed URL has expired.'),
  'not-found': client(404, 'There is nothing under this name.'),
  'bucket-unknown': client(404, 'There is no such bucket.'),
  'method-not-allowed': client(405, 'The method does not apply to this resource.'),
  'name-taken': client(409, 'The name holds other bytes, and its bucket is write-once.'),
  'segment-taken': client(409, 'The name holds other bytes, and segments are not rewritten here.'),
  'playlist-behind': client(409, 'Another encoder leads this channel, and its playlist is ahead.'),
  'bucket-kind-differs': client(409, 'The bucket exists with another kind.'),
  'media-type-differs': client(
    409,
    'The name holds these bytes with another Content-Type, and its bucket is write-once.',
  ),
  'fields-differ': client(409, 'The name holds these bytes with other fields, and its bucket is write-once.'),
  'upload-busy': client(409, 'Another request is writing to this upload, or it is complete.'),
  'offset-differs': client(409, 'The upload goes on at another offset.'),
  'name-deleted': client(410, 'The name was deleted.'),
  'content-forgotten': client(410, 'The content under this name was withdrawn for good.'),
  'record-too-large': client(413, 'What is to be recorded of the object is more than the store takes.'),
  'length-required': client(411, 'The request needs a body with Content-Length or chunked coding.'),
  'coding-refused': client(415, 'Content-Encoding may be gzip, br, zstd or deflate.'),
  'append-type-unknown': client(
    415,
    'What is appended comes as application/offset+octet-stream, or application/partial-upload.',
  ),
  misdirected: client(421, 'This server has no site for the host that the request names.'),
  'tus-version-unknown': client(412, 'The request must say Tus-Resumable: 1.0.0, the version spoken here.'),
  'content-unknown': client(422, 'The list names content that is not stored.'),
  'digest-mismatch': client(422, 'The bytes received do not have the digest promised.'),
  // RFC 4918 section 9.8.5.
  'destination-elsewhere': client(
    502,
    'The Destination is on another server; this one copies between its own names only.',
  ),
  'upstream-unusable': {
    status: 502,
    detail: 'What the upstream of this site sent cannot be kept here.',
    source: 'server',
    retryable: false,
  },
  'upstream-failed': later(502, 'The upstream of this site did not answer as it should.'),
  'upstream-busy': later(503, 'The upstream of this site is not asked just now.'),
  'upstream-offline': later(503, 'It is not here, and the upstream of this site is not asked (offline).'),
  'upstream-late': later(504, 'The upstream of this site did not answer in time.'),
  'sharing-failed': later(503, 'The store that this bucket is shared over does not answer as it should.'),
  'sharing-refused': client(501, 'This is not done in a bucket that several servers share.'),
  'quota-reached': client(507, 'The bucket would exceed its quota.'),
  'not-in-time': later(503, 'What was waited for has not come in time.'),
  'too-many-uploads': later(503, 'There are too many unfinished uploads.'),
  'proof-under-way': later(503, 'The stored file is being checked; come back later.', 'store'),
  internal: later(500, 'The server failed to answer.'),
} as const satisfies Record<string, ErrorKind>;

export const errors = { ...engineErrors, ...applicationErrors };
export type ErrorCode = keyof typeof errors;

export type ProblemMembers = Record<string, string | number>;

/** An error with a code from the table. */
export class SealgateError extends Error {
  readonly code: ErrorCode;
  /** Seconds after which a retry may succeed; undefined: not known. */
  readonly retryAfter: number | undefined;
  /** Further members of the problem document. */
  readonly about: ProblemMembers | undefined;

  constructor(
    code: ErrorCode,
    detail?: string,
    options?: ErrorOptions & { retryAfter?: number; about?: ProblemMembers },
  ) {
    super(detail ?? errors[code].detail, options);
    this.name = 'SealgateError';
    this.code = code;
    this.retryAfter = options?.retryAfter;
    this.about = options?.about;
  }
}

export function hasCode(error: unknown, code: ErrorCode): error is SealgateError {
  return error instanceof SealgateError && error.code === code;
}

/** Whether there is no object of a name: nobody wrote it, or it was deleted. */
export function isAbsent(error: unknown): boolean {
  return hasCode(error, 'not-found') || hasCode(error, 'name-deleted');
}

/** The problem document (RFC 9457) as one line of JSON. */
export function problemBody(
  code: ErrorCode,
  detail: string = errors[code].detail,
  about: ProblemMembers = {},
): string {
  const { status } = errors[code];
  const type = `urn:sealgate:problem:${code}`;
  return `${JSON.stringify({ type, title: code, status, detail, ...about })}\n`;
}
