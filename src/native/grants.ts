// What credentials give, as the engine is told of it (native/server/grants.h): a plan that is kept names the
// grant that it needs, and answers requests whose credentials give it. Types only; addon.ts exports them.

export interface EngineGrants {
  tokens: TokenGrants[];
  subjects: SubjectGrants[];
  /** The keys by which URLs are signed. */
  keys: readonly { name: string; key: SigningKey }[];
}

/** A key that signs URLs, which JavaScript holds without seeing it. */
export interface SigningKey {
  readonly opaque: unique symbol;
}

export interface Granted {
  /** Whether the credentials give every grant. */
  all: boolean;
  /** In the words of `DeliverPlan.grant`. */
  some: readonly string[];
}

export interface TokenGrants extends Granted {
  /** SHA-256 of the bearer token (RFC 6750), 64 hex digits. */
  digest: string;
  /** Seconds since the epoch; absent: never. */
  expires?: number;
}

export interface SubjectGrants extends Granted {
  /** The subject of a client's verified certificate (RFC 2253). */
  subject: string;
}
