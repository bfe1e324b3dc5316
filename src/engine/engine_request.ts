// A request of the engine in the shape Hono routes on: method, url and headers, read only when somebody asks.

import { type ContentCoding, codingsOf } from '../content_coding.ts';
import type { ErrorCode } from '../errors.ts';
import type { RequestEvent } from '../native/addon.ts';

/** The field lines of one request. Parsed at the first `get`: most requests for content never need one. */
export class FieldLines {
  readonly #lines: string;
  #values: Map<string, string> | undefined;

  /** @param lines as the engine hands them over: Latin-1, CRLF after each. */
  constructor(lines: string) {
    this.#lines = lines;
  }

  /** The value of a field, several lines combined by commas (RFC 9110 5.3); null when it is absent. */
  get(name: string): string | null {
    this.#values ??= parse(this.#lines);
    return this.#values.get(name.toLowerCase()) ?? null;
  }

  /** Names of the fields that were sent, in lower case. */
  names(): Iterable<string> {
    this.#values ??= parse(this.#lines);
    return this.#values.keys();
  }
}

function parse(lines: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of lines.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    const name = line.slice(0, colon).toLowerCase();
    const value = trimmed(line, colon + 1);
    const before = values.get(name);
    values.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return values;
}

// Without the blanks around it: trim() would take more than RFC 9110 5.6.3 calls one.
export function trimmed(line: string, from = 0): string {
  const isBlank = (at: number) => line[at] === ' ' || line[at] === '\t';
  let to = line.length;
  while (from < to && isBlank(from)) from++;
  while (from < to && isBlank(to - 1)) to--;
  return line.slice(from, to);
}

type AboutRequest = Omit<RequestEvent, 'kind' | 'reactor' | 'request' | 'name' | 'access'> &
  Partial<Pick<RequestEvent, 'access'>>;

export class EngineRequest {
  /** The id of the mount that the request is for; 0: none covers its path. */
  readonly mount: number;
  /** The method as it was sent. GET and HEAD have the same plan: the engine leaves the body out. */
  readonly method: string;
  /** Origin-form, not decoded. */
  readonly url: string;
  /** The path alone, not decoded. `*` (RFC 9110 9.3.7) is the root's. */
  readonly path: string;
  readonly headers: FieldLines;
  /** Host and port asked for, as sent; empty where the client named none. */
  readonly authority: string;
  /** Subject of the client's certificate (RFC 2253); empty without one. */
  readonly subject: string;
  /** The content codings that the client accepts, the best first; undefined: the mount has none to offer. */
  readonly codings: readonly ContentCoding[] | undefined;
  /** Whether its URL was signed, for the path that is left. */
  readonly isSigned: boolean;
  /** Why it is refused before anything is looked at; undefined: it is not. */
  readonly refusal: ErrorCode | undefined;
  readonly #hasBody: boolean;

  constructor(event: AboutRequest) {
    this.mount = event.mount;
    this.method = event.method;
    this.url = event.target;
    const query = event.target.indexOf('?');
    const path = query < 0 ? event.target : event.target.slice(0, query);
    this.path = path === '*' ? '/' : path;
    this.headers = new FieldLines(event.head);
    this.authority = event.authority;
    this.subject = event.subject;
    this.codings = event.codings === 0 ? undefined : codingsOf(event.codings);
    const { access = '' } = event;
    this.isSigned = access === 'signed';
    this.refusal = access === '' || this.isSigned ? undefined : (access as ErrorCode);
    this.#hasBody = event.hasBody;
  }

  /** False when the request has neither Content-Length nor Transfer-Encoding. */
  get framed(): boolean {
    return this.#hasBody || this.headers.get('content-length') !== null;
  }

  get query(): URLSearchParams {
    const mark = this.url.indexOf('?');
    return new URLSearchParams(mark < 0 ? '' : this.url.slice(mark + 1));
  }
}
