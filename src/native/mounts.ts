// Mounts as the engine knows them (native/server/mounts.h): it says of each request which one it is for, and
// keeps plans for each apart. Types only; addon.ts exports them with its own.

export interface EngineMount {
  /** From 1 on; 0 in a request says that no mount covers its path. */
  id: number;
  /** `name`, `*.name` or `*`, in lower case. */
  host: string;
  /** The path prefix, with a slash at both ends. */
  path: string;
  /** Everybody may read: no credentials are looked at, and no plan is used that needs a grant. */
  openReads: boolean;
  /** The parameters of a query that answers depend on: all others are left out of the key of a kept plan. */
  parameters: readonly string[];
}
