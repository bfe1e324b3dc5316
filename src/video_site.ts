// Video sites: what a site has by default when it says that it serves video. Its own settings come first.

import type * as z from 'zod';
import { type CorsRule, type corsSchema, usualCors } from './config/site_rules.ts';
import { type StreamingRole, streamingName } from './streaming_names.ts';

interface SaysWhatItServes {
  preset?: 'video' | undefined;
  protocol: 'web' | 'objects' | 'live' | 'mirror' | 'oci' | 'bazel';
}

export function isVideoSite({ preset, protocol }: SaysWhatItServes): boolean {
  return preset === 'video' || protocol === 'live';
}

/** Whether the site says Cache-Control by what a name is here. A publishing point has rules of its own. */
export function hasVideoCaching({ preset, protocol }: SaysWhatItServes): boolean {
  return preset === 'video' && protocol !== 'live';
}

/**
 * By the part that a name has in a presentation. A playlist may be uploaded again with more in it; two
 * seconds are half of a short segment, and let shared caches answer many players by one request. What a
 * playlist names keeps its bytes. Keys are for those alone who may play.
 */
const videoCaching: Readonly<Record<StreamingRole, string>> = {
  playlist: 'public, max-age=2',
  media: 'public, max-age=31536000, immutable',
  text: 'public, max-age=3600',
  picture: 'public, max-age=3600',
  key: 'no-store',
};

/** Undefined: nothing of a presentation. */
export function videoCachingOf(path: string): string | undefined {
  const found = streamingName(path);
  return found && videoCaching[found.role];
}

/**
 * Pages of all origins play it. Players take the time from Date and Age, and the state of a transfer from the
 * others; nothing of these may scripts read unless it is said. Every segment would cost a preflight of its
 * own where fields of CMCD go along, so permissions are kept for as long as browsers do.
 */
const videoCors: CorsRule = {
  ...usualCors,
  origins: ['*'],
  exposed: [
    ...usualCors.exposed,
    ...['Age', 'Content-Length', 'Date', 'Server-Timing', 'CMSD-Static', 'CMSD-Dynamic'],
  ],
  maxAge: 86_400,
  timing: true,
};

/** Fields of answers by which clients in pages go on with an upload in several requests. */
const uploadFields = [
  ...['Location', 'Upload-Offset', 'Upload-Length', 'Upload-Defer-Length', 'Upload-Metadata'],
  ...['Upload-Expires', 'Upload-Complete', 'Upload-Limit', 'Accept-Patch'],
  ...['Tus-Resumable', 'Tus-Version', 'Tus-Extension', 'Tus-Max-Size'],
];

function withUploads(rule: CorsRule): CorsRule {
  const methods = [...rule.methods, 'POST', 'PATCH', 'DELETE'];
  return { ...rule, methods, exposed: [...rule.exposed, ...uploadFields] };
}

/** What a site that says `given` shares with other origins. */
export function corsOf(
  site: SaysWhatItServes & {
    cors?: z.output<typeof corsSchema> | undefined;
    resumableUploads?: object | undefined;
  },
): CorsRule | undefined {
  const usual = isVideoSite(site) ? videoCors : usualCors;
  const otherwise = site.resumableUploads ? withUploads(usual) : usual;
  if (!site.cors) return isVideoSite(site) ? otherwise : undefined;
  const { methods, exposed, maxAge, timing, ...said } = site.cors;
  return {
    ...said,
    methods: methods ?? otherwise.methods,
    exposed: exposed ?? otherwise.exposed,
    maxAge: maxAge ?? otherwise.maxAge,
    timing: timing ?? otherwise.timing,
  };
}
