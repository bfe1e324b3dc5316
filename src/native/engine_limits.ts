// Limits and timeouts of a reactor. Types only; addon.ts exports them with its own.

export interface EngineLimits {
  connections: number;
  targetBytes: number;
  headBytes: number;
  fields: number;
  ranges: number;
  /** Responses kept whole in memory: largest body, and all together, bytes. */
  smallBodyBytes: number;
  planCacheBytes: number;
  planCacheEntries: number;
  /** Requests of one reactor waiting for the application at a time. */
  applicationRequests: number;
  /** Uploads of one reactor at a time. */
  uploads: number;
  /** Milliseconds. */
  proxyTimeout: number;
  handshakeTimeout: number;
  headTimeout: number;
  idleTimeout: number;
  /** Window over which a body or a reading client must make minRate, milliseconds. */
  stallTimeout: number;
  applicationTimeout: number;
  /** Bytes per second. */
  minRate: number;
}
