// What the application and a thread that fetches say to each other. Bytes are never among it.

import type { MessagePort } from 'node:worker_threads';
import type { DigestName } from '../digest.ts';
import type { Hashed } from '../native/addon.ts';

/** How a server is spoken to; times are milliseconds. */
export interface Speaking {
  /** The URL that its files begin at: credentials are for this origin alone. */
  base: string;
  /** PEM; absent: the public authorities. */
  ca?: string | undefined;
  /** What this server shows of itself, PEM; absent: nothing. */
  client?: { cert: string; key: string } | undefined;
  /** By which it is reached. */
  proxy?: ProxyServer | undefined;
  /** A bearer token. */
  token?: string | undefined;
  /** What requests show in Authorization, in place of the token. */
  authorization?: string | undefined;
  /** Whether HEAD is for the server itself alone: redirects lead to URLs that are good for GET. */
  headAtHome?: boolean | undefined;
  /** How requests to an S3-compatible store are signed. */
  s3?: { region: string; accessKey: string; secretKey: string } | undefined;
  connectMs: number;
  firstByteMs: number;
  idleMs: number;
  totalMs: number;
  attempts: number;
  /** Bytes. */
  maxBytes: number;
  redirects: number;
  /** Hosts that redirects may lead to wherever they are. */
  redirectsTo: readonly string[];
}

export interface ProxyServer {
  /** `http://HOST:PORT`. */
  url: string;
  /** What it takes in Proxy-Authorization; absent: nothing. */
  authorization?: string | undefined;
}

/** What is there already: the upstream is asked whether it has changed. */
export interface UpstreamValidators {
  etag?: string | undefined;
  modified?: string | undefined;
}

export interface FetchTask {
  url: string;
  /** HEAD: nothing but the head is wanted, and no body is offered. */
  method?: 'GET' | 'HEAD' | undefined;
  /** Media types that are wanted (RFC 9110 12.5.1); absent: any. */
  accept?: string | undefined;
  speaking: Speaking;
  validators?: UpstreamValidators | undefined;
  /** Whether the bytes can be compared with a digest, so that it is noticed if the end of them is missing. */
  provable: boolean;
  /** The application says by it what becomes of the body, and whether to give up. */
  port: MessagePort;
}

/** The head of an answer, with the fields by their names in lower case. */
export interface UpstreamHead {
  status: number;
  fields: Readonly<Record<string, string>>;
}

/** A body that comes. */
export interface Offer extends UpstreamHead {
  /** Bytes; undefined: that is not known. */
  size: number | undefined;
}

/** Where a body goes. */
export interface Taking {
  staging: string;
  digests: readonly DigestName[];
  /** What `share` of a growing file gave. */
  growing: number;
}

/** To the thread. */
export type Told = { take: Taking } | { cancel: true };

/**
 * unreachable: no connection, or one that broke. late: not in time. status: one that says it cannot answer.
 * refused: another one that is no answer. cut: the body broke off. changed: it broke off, and the rest is not
 * to be had. too-large: more bytes than are taken. redirect: one that is not followed. unprovable: nothing
 * says where the body ends. coded: it is not the bytes of the object. canceled: nobody wants it any more.
 * disk: it could not be written.
 */
export type FetchFault =
  | 'unreachable'
  | 'late'
  | 'status'
  | 'refused'
  | 'cut'
  | 'changed'
  | 'too-large'
  | 'redirect'
  | 'unprovable'
  | 'coded'
  | 'canceled'
  | 'disk';

export type Fetched = (
  | { kind: 'whole'; head: UpstreamHead; body: Hashed }
  /** The answer to HEAD: success, or that the server does not do it. */
  | { kind: 'described'; head: UpstreamHead }
  | { kind: 'not-modified'; head: UpstreamHead }
  | { kind: 'absent'; head: UpstreamHead }
  | ({ kind: 'failed'; fault: FetchFault; message: string; code?: string | undefined } & Refused)
) &
  FetchWork;

/** What a refusal tells of a further try. */
interface Refused {
  /** How the upstream wants to know who asks (WWW-Authenticate). */
  challenge?: string | undefined;
  /** Milliseconds for which it wants to be left alone. */
  after?: number | undefined;
  /** Whether a registry gave a token to whoever asks, and shows them nothing of this repository. */
  denied?: boolean | undefined;
}

/** The request for a token to the token server of a registry. */
export interface TokenTask {
  url: string;
  authorization: string | undefined;
  speaking: Speaking;
}

export type TokenAnswer =
  | { kind: 'token'; token: string; seconds: number }
  | { kind: 'failed'; fault: FetchFault; message: string; denied?: boolean };

/** A file, or a stretch of it, and the digest of that. */
export interface SentFile {
  path: string;
  digest: string;
  size: number;
  /** Bytes before it; absent: none. */
  from?: number;
}

/** An object that is sent in parts. */
export interface PartsTask {
  url: string;
  speaking: Speaking;
  body: SentFile;
  /** Bytes of each part but the last. */
  partBytes: number;
}

/** One small request to an upstream, or an upload to an S3-compatible store. */
export interface SendTask {
  /** POST: of what has no effect, as it may be sent twice. */
  method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  url: string;
  speaking: Speaking;
  /** Conditions, a range, and whatever else is said. */
  fields: Record<string, string>;
  /** A file with its digest, or a text; absent: there is no body. */
  body?: SentFile | { text: string } | undefined;
  /** Bytes of the answer that are taken at most; absent: enough for a record of a name. */
  mostText?: number | undefined;
  /** Statuses that are answers, too, and no failures. */
  alsoAnswers?: readonly number[] | undefined;
  /** It is sent once, without a body, and an S3-compatible store refuses it when it arrives too late. */
  counts?: Counting | undefined;
}

/** For how long a request counts, by the clock of the store. */
export interface Counting {
  /** Milliseconds since the epoch. */
  from: number;
  seconds: number;
}

/** Answered: with success, or 304, 404 of a key, and 412. `length` are the bytes that its head says. */
export type Sent = (
  | {
      kind: 'answered';
      status: number;
      etag: string | undefined;
      text: string;
      length?: number;
      /** When it answered, and when the object was written; by its clock, milliseconds since the epoch. */
      date: number | undefined;
      modified: number | undefined;
    }
  | { kind: 'failed'; fault: FetchFault; message: string }
) &
  FetchWork;

/** What it took. */
export interface FetchWork {
  /** Bytes of bodies. */
  bytes: number;
  attempts: number;
}
