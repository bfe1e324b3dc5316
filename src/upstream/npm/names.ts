// What the paths of a registry name. A path is decoded once, so that `@scope%2fname`, `@scope%2Fname` and
// `@scope/name` are one package; what is no name of a package is refused before anybody is asked for it.

import { SealgateError } from '../../errors.ts';
import { decodedPath } from '../../sites/paths.ts';

export type Target =
  | { kind: 'root' }
  | { kind: 'packument'; name: string }
  | { kind: 'tarball'; name: string; file: string }
  | { kind: 'tags'; name: string; tag: string | undefined }
  /** What `npm unpublish` changes. */
  | { kind: 'revision' }
  /** Something of the registry itself. @property path below `-/`. */
  | { kind: 'service'; path: string };

/** Characters: what npm takes. */
const longestName = 214;
const longestVersion = 256;

// Older names have upper case, too. None begins with a dot: `.` and `..` are no names.
const packageName = /^(?:@[A-Za-z0-9~_-][\w.~-]*\/)?[A-Za-z0-9~_][\w.~-]*$/;

export function isPackageName(name: string): boolean {
  return name.length <= longestName && packageName.test(name);
}

export function isVersion(text: string): boolean {
  return text.length <= longestVersion && /^[0-9A-Za-z][0-9A-Za-z.+-]*$/.test(text);
}

/** The file of a version, whatever its upstream calls it. */
export function tarballName(name: string, version: string): string {
  return `${name.slice(name.indexOf('/') + 1)}-${version}.tgz`;
}

/** How a registry wants to be asked for a package: the slash behind a scope is encoded. */
export function packumentPath(name: string): string {
  return name.replace('/', '%2f');
}

/** Throws `target-invalid` and `not-found`. @param below the path behind the mount's, as it was sent. */
export function targetOf(below: string): Target {
  const path = decodedPath(below);
  if (path === undefined) throw new SealgateError('target-invalid');
  if (path === '') return { kind: 'root' };
  if (path.startsWith('-/')) return serviceOf(path.slice(2));
  if (/\/-rev\/[^/]+$/.test(path)) return { kind: 'revision' };
  const [, name = '', file] = /^((?:@[^/]+\/)?[^/]+)(?:\/-\/([^/]+\.tgz))?$/.exec(path) ?? [];
  if (!isPackageName(name)) throw new SealgateError('not-found');
  if (file === undefined) return { kind: 'packument', name };
  if (file.length > longestName + longestVersion || !/^[\w~][\w.~+-]*$/.test(file))
    throw new SealgateError('not-found');
  return { kind: 'tarball', name, file };
}

function serviceOf(path: string): Target {
  const [, name = '', tag] = /^package\/((?:@[^/]+\/)?[^/]+)\/dist-tags(?:\/([^/]+))?$/.exec(path) ?? [];
  if (isPackageName(name)) return { kind: 'tags', name, tag };
  return { kind: 'service', path };
}
