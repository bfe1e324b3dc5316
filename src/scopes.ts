// Scopes: what the bearer of a token may do, on one bucket or all buckets (`write:files`, `read:*`), or with
// the server itself (`control:read`, `control:operate`).

import * as z from 'zod';

export type Scope = string;

export const scopeSchema = z
  .string()
  .regex(/^((read|write):(\*|[a-z0-9][a-z0-9.-]{0,62})|control:(read|operate))$/, {
    error: 'expected read:BUCKET or write:BUCKET, * for all buckets, control:read or control:operate',
  });

/** Whether the scopes allow an action on a bucket; the bucket `*` means all buckets. */
export function allows(scopes: readonly Scope[], action: 'read' | 'write', bucket: string): boolean {
  return scopes.includes(`${action}:*`) || (bucket !== '*' && scopes.includes(`${action}:${bucket}`));
}

/**
 * Whether the scopes allow reading the server's state, or changing it. Permission to change includes
 * reading.
 */
export function allowsControl(scopes: readonly Scope[], action: 'read' | 'operate'): boolean {
  return scopes.includes('control:operate') || scopes.includes(`control:${action}`);
}
