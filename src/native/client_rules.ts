// What the engine knows of clients before it looks for an answer: who names them, and how much they may ask.
// Types only; addon.ts exports them with its own.

/** Proxies that say whose a request is, and in which field (native/server/forwarding.h). */
export interface EngineTrustedProxies {
  from: readonly string[];
  field: 'X-Forwarded-For' | 'Forwarded';
}

/**
 * So many requests, or bytes, in so many seconds, and so many at once (native/server/rate_limits.h); or so
 * many connections of an address at a time.
 */
export type EngineRateLimit = {
  name: string;
  by: 'address' | 'site' | 'token';
} & (
  | { requests: number; seconds: number; burst: number }
  | { bytes: number; seconds: number; burst: number }
  | { connections: number }
);
