// Public URLs: where clients see a site that is behind a proxy which changes scheme, host, port or path.

import * as z from 'zod';

export interface PublicSite {
  host: string;
  /** With a slash at both ends. */
  path: string;
  /** What clients see in place of `path`, with a slash at its end; absent: what they ask for. */
  publicUrl?: string | undefined;
}

export const publicUrlSchema = z
  .string()
  .max(2048)
  .refine(isPublicUrl, {
    error:
      'expected a URL as https://www.example.com/ or https://www.example.com/files/, as browsers write it, ' +
      'with a slash at its end and without user, query and fragment',
  });

function isPublicUrl(text: string): boolean {
  if (!/^https?:\/\/[!-~]+\/$/.test(text) || /[?#@]/.test(text) || !URL.canParse(text)) return false;
  return new URL(text).href === text;
}

/** Where clients reach a site, with a slash at its end; undefined: nothing says, as its host is a pattern. */
export function publicUrlOf({ host, path, publicUrl }: PublicSite): string | undefined {
  return publicUrl ?? (host.includes('*') ? undefined : `https://${host}${path}`);
}

/** Where clients find a path of the server: the public URL of its site, else the path. */
export function publicLocation(site: PublicSite | undefined, to: string): string {
  if (site?.publicUrl === undefined || !to.startsWith(site.path)) return to;
  return site.publicUrl + to.slice(site.path.length);
}

/** The site whose public URL is the longest that a URL begins with; undefined: none is. */
export function publicSite<S extends PublicSite>(sites: readonly S[], url: string): S | undefined {
  const found = sites.filter(({ publicUrl }) => publicUrl !== undefined && url.startsWith(publicUrl));
  return found.sort((a, b) => (b.publicUrl?.length ?? 0) - (a.publicUrl?.length ?? 0))[0];
}

/** What the proxy asks the server for when a client asks it for a URL: a host of the site, and the target. */
export function seenByServer(site: PublicSite, url: string): { authority: string; target: string } {
  const publicUrl = site.publicUrl ?? '';
  const { host: own } = new URL(publicUrl);
  const isCovered = site.host === '*' || own.replace(/:\d+$/, '').endsWith(site.host.slice(1));
  const host = site.host.startsWith('*') ? (isCovered ? own : `any${site.host.slice(1)}`) : site.host;
  return { authority: host, target: site.path + url.slice(publicUrl.length) };
}
