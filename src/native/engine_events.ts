// What the engine tells and asks the application. Types only; addon.ts exports them with its own.

import type { Hashed, SealBreak } from './addon.ts';

/** A request that the engine has no plan for. */
export interface RequestEvent {
  kind: 'request';
  reactor: number;
  request: number;
  /** The id of the mount that the request is for; 0: none covers its path. */
  mount: number;
  /** What the client accepts (content_coding.ts); 0 where the mount's answers have one coding. */
  codings: number;
  method: string;
  /** Origin-form, as sent: path and query, not decoded. Latin-1. */
  target: string;
  /** Field lines as sent, CRLF after each. Latin-1. */
  head: string;
  /** Host and port asked for, as sent: those of an absolute target, else Host (RFC 9112 3.2.2). Latin-1. */
  authority: string;
  hasBody: boolean;
  /** Subject of the client's certificate, as `CN=build,O=Example` (RFC 2253); empty without one. */
  subject: string;
  /** The id of the request in the access log. */
  name: string;
  /** `signed`: its URL had a signature that counts; empty: it had none; else why it is refused. */
  access: string;
}

/** The body that a `receive` plan wanted in memory is complete. */
export interface BodyEvent {
  kind: 'body';
  reactor: number;
  request: number;
  bytes: Uint8Array<ArrayBuffer>;
}

/**
 * The body that a `receive` plan asked for is complete, hashed and fsynced in its staging file; or it is
 * appended to a partial one, and digests and size are of all there is.
 */
export interface ReceivedEvent extends Hashed {
  kind: 'received';
  reactor: number;
  request: number;
  staging: string;
}

/**
 * The body of a `receive` plan was given up, because its client left or broke the limits. Nobody writes to
 * its file any more. No answer is expected.
 */
export interface AbortedEvent {
  kind: 'aborted';
  reactor: number;
  request: number;
}

/**
 * A blob did not match its record, or changed during a transfer, which was then cut. No answer is expected: a
 * request that waits for the blob is asked about once more.
 */
export interface BrokenEvent {
  kind: 'broken';
  reactor: number;
  digest: string;
  reason: SealBreak;
}

/** A request is a row of words (events.ts); other events are objects. */
export type EventBatch = (number | string | boolean | Exclude<EngineEvent, RequestEvent>)[];

export type EngineEvent = RequestEvent | ReceivedEvent | BodyEvent | AbortedEvent | BrokenEvent;
