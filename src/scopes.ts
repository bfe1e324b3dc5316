// Scopes: what a bearer may do, on one bucket or on all: `write:files`, `read:*`.

import { z } from 'zod';

export type Scope = string;

export const scopeSchema = z.string().regex(/^(read|write):(\*|[a-z0-9][a-z0-9.-]{0,62})$/, {
  error: 'expected read:BUCKET or write:BUCKET, or * for all buckets',
});

/** Whether the scopes allow an action on a bucket; `*` stands for all buckets together. */
export function allows(scopes: readonly Scope[], action: 'read' | 'write', bucket: string): boolean {
  return scopes.includes(`${action}:*`) || (bucket !== '*' && scopes.includes(`${action}:${bucket}`));
}
