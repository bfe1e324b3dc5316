// Scopes: what a bearer may do, on one bucket or on all (`write:files`, `read:*`), or with the server itself
// (`control:read`, `control:operate`).

import * as z from 'zod';

export type Scope = string;

export const scopeSchema = z
  .string()
  .regex(/^((read|write):(\*|[a-z0-9][a-z0-9.-]{0,62})|control:(read|operate))$/, {
    error: 'expected read:BUCKET or write:BUCKET, * for all buckets, control:read or control:operate',
  });

/** Whether the scopes allow an action on a bucket; `*` stands for all buckets together. */
export function allows(scopes: readonly Scope[], action: 'read' | 'write', bucket: string): boolean {
  return scopes.includes(`${action}:*`) || (bucket !== '*' && scopes.includes(`${action}:${bucket}`));
}

/** Whether the scopes allow to look at the server, or to change it; who may change it may look. */
export function allowsControl(scopes: readonly Scope[], action: 'read' | 'operate'): boolean {
  return scopes.includes('control:operate') || scopes.includes(`control:${action}`);
}
