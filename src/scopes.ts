// Scopes: what the bearer of a token may do, on one bucket or all buckets (`write:files`, `read:*`), with the
// repositories of a registry (`push:images/team-a/*`), or with the server itself (`control:read`,
// `control:operate`).

import * as z from 'zod';

export type Scope = string;

const bucket = '[a-z0-9][a-z0-9.-]{0,62}';
const names = '(?:\\*|[A-Za-z0-9][A-Za-z0-9._/-]{0,1023}\\*?)';
const ofServer = 'control:(?:read|operate)';
const ofBuckets = `(?:read|write):(?:\\*|${bucket})`;

export const scopeSchema = z
  .string()
  .regex(new RegExp(`^(?:${ofBuckets}|(?:pull|push|delete):${bucket}/${names}|${ofServer})$`), {
    error:
      'expected read:BUCKET or write:BUCKET, * for all buckets; pull:BUCKET/REPOSITORY, push: or delete:, ' +
      '* at its end for what begins so; control:read or control:operate',
  });

/** What is done with a repository of a registry. */
export interface InRepository {
  action: 'pull' | 'push' | 'delete';
  /** With what names in the bucket begin with at its site. */
  name: string;
}

/** Whether the scopes allow an action on a bucket; the bucket `*` means all buckets. */
export function allows(scopes: readonly Scope[], action: 'read' | 'write', bucket: string): boolean {
  return scopes.includes(`${action}:*`) || (bucket !== '*' && scopes.includes(`${action}:${bucket}`));
}

/** The scope of some repositories that allows what is done with one; undefined: none does. */
export function scopeOfRepository(
  scopes: readonly Scope[],
  bucket: string,
  { action, name }: InRepository,
): Scope | undefined {
  const begin = `${action}:${bucket}/`;
  return scopes.find((scope) => scope.startsWith(begin) && covers(scope.slice(begin.length), name));
}

/** The patterns of repositories of a bucket that may be pulled by scopes of repositories. */
export function pulledPatterns(scopes: readonly Scope[], bucket: string): string[] {
  const begin = `pull:${bucket}/`;
  return scopes.filter((scope) => scope.startsWith(begin)).map((scope) => scope.slice(begin.length));
}

/** Whether a pattern matches a name, or all that another pattern does. A star may stand at its end alone. */
export function covers(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

/**
 * Whether the scopes allow reading the server's state, or changing it. Permission to change includes
 * reading.
 */
export function allowsControl(scopes: readonly Scope[], action: 'read' | 'operate'): boolean {
  return scopes.includes('control:operate') || scopes.includes(`control:${action}`);
}
