// The manifest of a container image, or an index of manifests, as a registry sent it: whether it is one, read
// in the thread of documents, since it may be made to take long.

import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { boundedJson } from '../../bounded_json.ts';

/** Those that clients are sent, in the order in which upstreams are asked for them. */
export const manifestTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
] as const;

/** Layers of an image, and manifests of an index. */
const mostNamed = 1000;

const named = z.array(z.unknown()).max(mostNamed);
const shared = { schemaVersion: z.literal(2), mediaType: z.string().optional() };
const digest = z.string().regex(/^[a-z0-9]{1,32}:[0-9a-f]{32,128}$/);
const descriptor = z.object({ digest, size: z.int().min(0) });
const schemas = {
  image: z.object({ ...shared, config: descriptor, layers: named }),
  index: z.object({ ...shared, manifests: named }),
};

/** Undefined: it can be used. Else why not. @param type the media type that the registry says. */
export async function manifestFault(task: { file: string; type: string }): Promise<string | undefined> {
  return faultOf(await readFile(task.file), task.type);
}

export function faultOf(bytes: Uint8Array, type: string): string | undefined {
  if (!(manifestTypes as readonly string[]).includes(type)) return `it has the type ${type.slice(0, 100)}`;
  try {
    const json = boundedJson(bytes);
    const isIndex = /\.index\.|\.list\./.test(type);
    const one = (isIndex ? schemas.index : schemas.image).parse(json) as Record<string, unknown>;
    const inside = one.mediaType;
    if (inside !== undefined && inside !== type) return 'it says another type than the registry does';
    // Who reads it as the other kind would pull something else.
    const others = isIndex ? ['config', 'layers'] : ['manifests'];
    if (others.some((each) => Object.hasOwn(json as object, each))) return 'it is an image and an index';
    for (const each of (isIndex ? one.manifests : one.layers) as unknown[]) descriptor.parse(each);
    return undefined;
  } catch (error) {
    if (error instanceof z.ZodError) {
      const [issue] = error.issues;
      return `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not valid'}`;
    }
    return (error as Error).message;
  }
}
