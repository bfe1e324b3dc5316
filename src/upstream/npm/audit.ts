// Audits and searches that are passed on to an upstream: without the names that are this server's own, which
// no upstream is told of and none may answer for. Runs on the thread for documents.

import { gunzipSync } from 'node:zlib';
import { pathPattern } from '../../path_pattern.ts';
import { isPackageName } from './names.ts';
import { isObject, parsedJson, Refused } from './packument.ts';

type Json = Record<string, unknown>;

/** Whose names are this server's own: patterns of paths below the site's. */
export interface OwnNames {
  local: readonly string[];
  path: string;
}

export interface AuditTask extends OwnNames {
  body: Uint8Array;
  isGzip: boolean;
}

export interface SearchTask extends OwnNames {
  text: string;
}

export type Passed = { refused: string } | { text: string };

/** Bytes that the body of an audit unfolds to. */
const mostUnfolded = 16 * 2 ** 20;

/** The body of an audit, in either form, without own names. */
export function auditBody({ body, isGzip, ...own }: AuditTask): Passed {
  return refusing(() => {
    const sent = parsedJson(isGzip ? gunzipSync(body, { maxOutputLength: mostUnfolded }) : body);
    if (!isObject(sent)) throw new Refused('it is no JSON object');
    const isOwn = ownIn(own);
    // `bulk` maps names to versions; `quick` has the tree of a lock file.
    const isTree = isObject(sent.dependencies) || isObject(sent.requires);
    return isTree ? treeWithout(sent, isOwn) : namesWithout(sent, isOwn);
  });
}

/** What a search found, without own names. */
export function searchResult({ text, ...own }: SearchTask): Passed {
  return refusing(() => {
    const found = parsedJson(Buffer.from(text));
    if (!isObject(found) || !Array.isArray(found.objects)) throw new Refused('it is no result of a search');
    const isOwn = ownIn(own);
    const objects = found.objects.filter((each) => {
      const name = isObject(each) && isObject(each.package) ? each.package.name : undefined;
      return typeof name === 'string' && isPackageName(name) && !isOwn(name);
    });
    return { ...found, objects };
  });
}

function refusing(make: () => unknown): Passed {
  try {
    return { text: JSON.stringify(make()) };
  } catch (error) {
    if (error instanceof Refused) return { refused: error.message };
    const { code } = error as NodeJS.ErrnoException;
    if (code?.startsWith('Z_') || code === 'ERR_BUFFER_TOO_LARGE') return { refused: 'it does not unfold' };
    throw error;
  }
}

function ownIn({ local, path }: OwnNames): IsOwn {
  const patterns = local.map(pathPattern);
  return (name) => patterns.some((pattern) => pattern.matches(path + name));
}

function namesWithout(names: Json, isOwn: IsOwn): Json {
  return Object.fromEntries(Object.entries(names).filter(([name]) => isPackageName(name) && !isOwn(name)));
}

type IsOwn = (name: string) => boolean;

/** Whether what npm was asked to install, as `NAME@RANGE`, is somebody else's. */
function isOthers(spec: unknown, isOwn: IsOwn): boolean {
  if (typeof spec !== 'string') return false;
  const [, name = ''] = /^((?:@[^@/]+\/)?[^@/]+)(?:@|$)/.exec(spec) ?? [];
  return isPackageName(name) && !isOwn(name) && !isAlias(spec.slice(name.length + 1), isOwn);
}

/** Whether a version is `npm:NAME@RANGE` with an own name: another name for the package. */
function isAlias(version: unknown, isOwn: IsOwn): boolean {
  return typeof version === 'string' && version.startsWith('npm:') && !isOthers(version.slice(4), isOwn);
}

function withoutAliases(ranges: Json, isOwn: IsOwn): Json {
  return Object.fromEntries(Object.entries(ranges).filter(([, range]) => !isAlias(range, isOwn)));
}

// The project itself may have such a name, too. How deep it nests is bounded by parsedJson.
function treeWithout(tree: Json, isOwn: IsOwn): Json {
  const { name, requires, dependencies, install, remove, ...more } = tree;
  const named = isObject(dependencies) ? Object.entries(namesWithout(dependencies, isOwn)) : [];
  const left = named.filter(([, its]) => !isObject(its) || !isAlias(its.version, isOwn));
  const below = left.map(([each, its]) => [each, isObject(its) ? treeWithout(its, isOwn) : its]);
  return {
    ...(typeof name === 'string' && !isOwn(name) && { name }),
    ...(requires !== undefined && {
      requires: isObject(requires) ? withoutAliases(namesWithout(requires, isOwn), isOwn) : requires,
    }),
    ...(Array.isArray(install) && { install: install.filter((each) => isOthers(each, isOwn)) }),
    ...(Array.isArray(remove) && { remove: remove.filter((each) => isOthers(each, isOwn)) }),
    ...more,
    ...(dependencies !== undefined && { dependencies: Object.fromEntries(below) }),
  };
}
