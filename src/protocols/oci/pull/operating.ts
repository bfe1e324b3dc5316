// What operators ask of what was pulled through: under which path a client asks for it, whether an upstream
// still has it, and all that an image needs.

import type { Answer } from '../../../engine/plan.ts';
import { inTurns } from '../../../turns.ts';
import { manifestTypes } from '../../../upstream/documents/image_manifest.ts';
import type { Mirror } from '../../mirror/mirror.ts';
import type { NamedByManifests } from '../named.ts';
import { parsedDigest } from '../names.ts';
import { pulledFrom } from './pull.ts';

/** Levels of indexes in each other, and parts of an image with all of them. */
const deepest = 3;
const mostParts = 5000;
const atATime = 4;

interface InRegistry {
  repository: string;
  kind: 'manifests' | 'blobs';
  /** A tag or a digest. */
  reference: string;
}

/** @param name of an object, or an image as clients write it: `REPOSITORY:TAG`, `REPOSITORY@DIGEST`. */
export function inRegistry(name: string): InRegistry | undefined {
  const [, repository = '', kind = '', rest = ''] = /^(.+?)\/_(tags|manifests|blobs)\/(.+)$/.exec(name) ?? [];
  if (kind === 'tags') return { repository, kind: 'manifests', reference: rest };
  if (kind === 'manifests' || kind === 'blobs')
    return { repository, kind, reference: rest.replace('/', ':') };
  const at = name.indexOf('@');
  const cut = at < 0 ? name.lastIndexOf(':') : at;
  if (cut <= 0 || name.slice(cut).includes('/')) return undefined;
  return { repository: name.slice(0, cut), kind: 'manifests', reference: name.slice(cut + 1) };
}

/** Below the path of the registry. */
export function pathIn({ repository, kind, reference }: InRegistry): string {
  return `${repository}/${kind}/${reference}`;
}

/** Whether it never changes. */
export function isByDigest({ reference }: InRegistry): boolean {
  return parsedDigest(reference) !== undefined;
}

type Outcome = { outcome: 'same' | 'changed' | 'gone' | 'failed'; why?: string };

/** Asks the upstream by HEAD, which registries do not count. @param digest SHA-256 of what is kept. */
export async function compared(
  mirror: Mirror,
  from: string,
  { repository, kind, reference }: InRegistry,
  digest: string,
): Promise<Outcome> {
  const below = pulledFrom({ mirror, isLocal: () => false }, repository)?.repository ?? repository;
  const fetched = await mirror.shared.get(from).fetch({
    ...{ path: `${below}/${kind}/${reference}`, repository: below, method: 'HEAD', provable: true },
    ...(kind === 'manifests' && { accept: manifestTypes.join(', ') }),
    take: () => undefined,
    signal: mirror.shared.signal,
  });
  if (fetched.kind === 'absent') return { outcome: 'gone' };
  if (fetched.kind === 'failed') return { outcome: 'failed', why: fetched.message };
  if (parsedDigest(reference)) return { outcome: 'same' };
  const said = fetched.head.fields['docker-content-digest'];
  if (said === undefined) return { outcome: 'failed', why: 'the upstream says no digest of it' };
  return said === `sha256:${digest}` ? { outcome: 'same' } : { outcome: 'changed', why: `it is ${said} now` };
}

/** URLs of what a manifest names. @param url of the manifest. @returns nothing where the answer is none. */
export async function partsOf(url: string, answer: Answer, named: NamedByManifests): Promise<string[]> {
  const [, base] = /^(.+)\/manifests\/[^/]+$/.exec(url) ?? [];
  if (base === undefined || answer.kind !== 'deliver') return [];
  if (!answer.fields.some(([name]) => name === 'Docker-Content-Digest')) return [];
  const type = (manifestTypes as readonly string[]).indexOf(answer.contentType);
  if (type < 0) return [];
  const { parts } = await named.of(answer.blob.digest);
  const kind = /\.index\.|\.list\./.test(answer.contentType) ? 'manifests' : 'blobs';
  return [...new Set(parts.map(({ digest }) => `${base}/${kind}/${digest}`))];
}

/**
 * Asks for all that an image needs, until one of it is not to be had.
 * @param ask resolves with the answer, once what is fetched for it is here; undefined: it stays away.
 */
export async function walk(
  url: string,
  named: NamedByManifests,
  ask: (url: string) => Promise<Answer | undefined>,
): Promise<boolean> {
  let level = [url];
  let count = 0;
  for (let depth = 0; level.length > 0; depth++) {
    const next: string[] = [];
    count += level.length;
    if (count > mostParts || depth > deepest) return false;
    let isWhole = true;
    await inTurns(level, atATime, async (each) => {
      const answer = isWhole ? await ask(each) : undefined;
      if (answer) next.push(...(await partsOf(each, answer, named)));
      else isWhole = false;
    });
    if (!isWhole) return false;
    level = [...new Set(next)];
  }
  return true;
}
