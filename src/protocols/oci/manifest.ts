// Manifests: what they name, read from their bytes. The bytes are kept as they came, since the digest is of
// them; members that nobody knows here stay.

import * as z from 'zod';
import { boundedJson } from '../../bounded_json.ts';
import { RegistryError } from './errors.ts';
import { type ContentDigest, parsedDigest } from './names.ts';

/** Bytes: what the specification asks registries to take at least. */
export const largestManifest = 4 * 1024 * 1024;
/** Layers of an image, and manifests of an index. Real ones have up to 127 and some dozens. */
const mostNamed = 1000;

const types = {
  'application/vnd.oci.image.manifest.v1+json': 'image',
  'application/vnd.docker.distribution.manifest.v2+json': 'image',
  'application/vnd.oci.image.index.v1+json': 'index',
  'application/vnd.docker.distribution.manifest.list.v2+json': 'index',
} as const;

const digest = z
  .string()
  .max(256)
  .transform((text, context): ContentDigest => {
    const known = parsedDigest(text);
    if (known) return known;
    context.addIssue({ code: 'custom', message: 'expected sha256: or sha512: and its digits' });
    return z.NEVER;
  });
const mediaType = z.string().min(1).max(255);
const annotations = z.record(z.string(), z.string());
const descriptor = z.object({
  mediaType,
  digest,
  size: z.int().min(0),
  urls: z.array(z.string()).optional(),
});
const shared = {
  schemaVersion: z.literal(2),
  mediaType: mediaType.optional(),
  artifactType: z.string().max(255).optional(),
  subject: descriptor.optional(),
  annotations: annotations.optional(),
};
const schemas = {
  image: z.object({ ...shared, config: descriptor, layers: z.array(descriptor).max(mostNamed) }),
  index: z.object({ ...shared, manifests: z.array(descriptor).max(mostNamed) }),
};

type Named = z.output<typeof descriptor>;

export interface Manifest {
  mediaType: string;
  /** Blobs that the repository must have. An index may name manifests that it does not have. */
  blobs: readonly Named[];
  subject: ContentDigest | undefined;
  artifactType: string | undefined;
  annotations: Record<string, string> | undefined;
}

/** Throws MANIFEST_INVALID. @param said the media type that the client says; null: none. */
export function manifestIn(bytes: Uint8Array, said: string | null): Manifest {
  const json = parsed(bytes);
  const own = z.object({ mediaType: mediaType.optional() }).safeParse(json);
  const inside = own.success ? own.data.mediaType : undefined;
  const type = said?.split(';', 1)[0]?.trim().toLowerCase() ?? inside ?? '';
  const kind = Object.hasOwn(types, type) ? types[type as keyof typeof types] : undefined;
  if (!kind) invalid(`Content-Type must be one of ${Object.keys(types).join(', ')}.`);
  if (inside !== undefined && inside !== type) invalid('Its mediaType is another than its Content-Type.');
  if (kind === 'image') {
    const { config, layers, subject, artifactType, annotations } = checked(schemas.image, json);
    return {
      ...{ mediaType: type, annotations, subject: subject?.digest },
      blobs: [config, ...layers.filter((layer) => !isForeign(layer))],
      artifactType: artifactType || config.mediaType,
    };
  }
  const { subject, artifactType, annotations } = checked(schemas.index, json);
  return {
    ...{ mediaType: type, annotations, subject: subject?.digest },
    ...{ blobs: [], artifactType: artifactType || undefined },
  };
}

/** Layers that their licence keeps from being pushed. */
function isForeign({ mediaType: type, urls }: Named): boolean {
  return (urls?.length ?? 0) > 0 || /nondistributable|\.foreign\./.test(type);
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return boundedJson(bytes);
  } catch (error) {
    return invalid(error instanceof RangeError ? error.message : 'It is not JSON in UTF-8.');
  }
}

function checked<T>(schema: z.ZodType<T>, json: unknown): T {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  return invalid(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not valid'}`);
}

function invalid(message: string): never {
  throw new RegistryError(400, 'MANIFEST_INVALID', message);
}
