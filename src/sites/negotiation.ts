// Negotiation: which content coding of an object a client gets (RFC 9110 12.5.3), where a site offers them.

import { type CompressionRule, usualCompression } from '../config/site_rules.ts';
import type { ContentCoding } from '../content_coding.ts';
import type { EngineRequest } from '../engine/engine_request.ts';
import type { Delivery } from '../engine/plan.ts';
import type { SealRecord } from '../native/addon.ts';
import type { Coder } from '../objects/coder.ts';
import type { FoundBlob, Objects } from '../objects/objects.ts';
import type { Mount } from './mount.ts';

/** A representation of what was found, and what its answer says of how it was chosen. */
export interface Representation extends Pick<Delivery, 'negotiated' | 'coding' | 'keptUntil'> {
  of: FoundBlob;
}

/** Undefined: there is one representation for all clients. */
export type Negotiate = (
  request: EngineRequest,
  found: FoundBlob,
  about: Pick<Delivery, 'contentType' | 'fields' | 'status'>,
) => Representation | undefined;

/** Files that builds leave beside what they code: x.js.br beside x.js. */
const suffixes: Record<ContentCoding, string> = { br: '.br', zstd: '.zst', gzip: '.gz' };

/** Seconds for which a plan is kept while a better coding is made. */
const meanwhile = 2;

export function negotiationOf(
  { site }: Mount,
  { objects, coder }: { objects: Objects; coder: Coder },
): Negotiate | undefined {
  const compress = site?.compress ?? false;
  if (compress === false) return undefined;
  const rule = compress === true ? usualCompression : compress;
  const isOfType = typeTest(rule.types);
  return ({ codings }, found, { contentType, fields, status }) => {
    const blob = stored(found);
    if (codings === undefined || status !== undefined || !blob || !isWorthIt(blob.size, rule))
      return undefined;
    // It came in a coding, and is sent as it came.
    if (fields?.contentEncoding !== undefined || !isOfType(contentType)) return undefined;
    const offered = codings.filter((each) => rule.codings.includes(each));
    const given = (coding: ContentCoding) =>
      found.at && objects.digestOf({ ...found.at, name: `${found.at.name}${suffixes[coding]}` });
    const { coded, isComing } = coder.best(blob, offered, given);
    const negotiated = { negotiated: true, ...(isComing && { keptUntil: soon() }) };
    const record = coded && sealed(objects, coded.digest);
    if (!record) return { of: found, ...negotiated };
    return { of: { ...found, blob: record, recorded: record }, coding: coded.coding, ...negotiated };
  };
}

function stored({ blob, recorded }: FoundBlob) {
  return blob instanceof Promise ? recorded : blob;
}

function isWorthIt(size: number, { minBytes, maxBytes }: CompressionRule): boolean {
  return size >= minBytes && size <= maxBytes;
}

function soon(): number {
  return Math.floor(Date.now() / 1000) + meanwhile;
}

/** Undefined: it cannot be sent just now. */
function sealed(objects: Objects, digest: string): SealRecord | undefined {
  try {
    const { blob } = objects.getBlob(digest);
    if (!(blob instanceof Promise)) return blob;
    // Whoever asks once it is proved gets it.
    blob.catch(() => undefined);
  } catch {
    // It is damaged or gone: the bytes as they are do as well.
  }
  return undefined;
}

function typeTest(types: readonly string[]): (type: string) => boolean {
  const patterns = types.map((each) => {
    const [before = '', after] = each.split('*');
    return (type: string) =>
      after === undefined ? type === each : type.startsWith(before) && type.endsWith(after);
  });
  return (contentType) => {
    const [type = ''] = contentType.toLowerCase().split(/[; ]/, 1);
    return patterns.some((matches) => matches(type));
  };
}
