// Whether a client that follows the redirects of the configured sites ever arrives. Each redirect is followed
// from paths that its pattern matches.

import { type RedirectRule, Redirects } from '../redirects.ts';
import { decodedSitePath } from '../site_path.ts';

interface Site {
  host: string;
  path: string;
  redirects?: readonly RedirectRule[] | undefined;
}

interface Address {
  host: string;
  /** Decoded. */
  path: string;
}

/** Paths of one pattern that are followed: one for each alternative, up to so many. */
const maxSamples = 8;

export class Following {
  /** The most specific host first, then the longest path (native/server/mounts.h). */
  readonly #sites: { host: string; path: string; redirects: Redirects }[];
  /** More steps than this have met one redirect twice. */
  readonly #mostSteps: number;
  /** Addresses from which following ends. */
  readonly #ending = new Set<string>();

  constructor(sites: readonly Site[]) {
    this.#sites = sites
      .map(({ host, path, redirects = [] }) => ({
        host,
        path: decodedSitePath(path),
        redirects: new Redirects(redirects),
      }))
      .sort((one, other) => rank(other.host) - rank(one.host) || other.path.length - one.path.length);
    this.#mostSteps = sites.reduce((sum, { redirects = [] }) => sum + redirects.length, 0);
  }

  /** A path that a redirect of the site matches, from which following never ends; undefined: it does. */
  comesBack(site: Site, from: string): string | undefined {
    // A name that no other site has by itself.
    const host = site.host.replace('*', 'any-host');
    return samplesOf(from).find((path) => !this.#ends({ host, path }));
  }

  #ends(start: Address): boolean {
    const followed: string[] = [];
    let at: Address | undefined = start;
    while (at) {
      const key = `${at.host} ${at.path}`;
      if (this.#ending.has(key)) break;
      if (followed.length > this.#mostSteps) return false;
      followed.push(key);
      at = this.#next(at);
    }
    for (const key of followed) this.#ending.add(key);
    return true;
  }

  #next({ host, path }: Address): Address | undefined {
    const found = this.#sites.find((each) => path.startsWith(each.path) && covers(each.host, host));
    const to = found?.redirects.of(path)?.to;
    return to === undefined ? undefined : this.#addressOf(to, host);
  }

  // A URL is followed when its host is that of a site by name: `*` is no word about whose hosts there are.
  #addressOf(to: string, host: string): Address | undefined {
    const isPath = to.startsWith('/');
    if (!isPath && !URL.canParse(to)) return undefined;
    const { hostname, pathname } = new URL(to, 'http://own.invalid');
    const isOurs = isPath || this.#sites.some((each) => each.host !== '*' && covers(each.host, hostname));
    return isOurs ? { host: isPath ? host : hostname, path: decodedSitePath(pathname) } : undefined;
  }
}

function rank(host: string): number {
  return host === '*' ? 0 : host.startsWith('*') ? host.length : 1000;
}

function covers(site: string, host: string): boolean {
  if (site === '*') return true;
  return site.startsWith('*') ? host.endsWith(site.slice(1)) && host.length >= site.length : host === site;
}

/** Paths that the pattern matches. */
function samplesOf(glob: string): string[] {
  const most = Math.max(
    1,
    ...[...glob.matchAll(/\{([^{}]*)\}/g)].map(([, all = '']) => all.split(',').length),
  );
  return Array.from({ length: Math.min(most, maxSamples) }, (_, at) => {
    const sample = glob
      .replace(/\{([^{}]*)\}/g, (_, all: string) => all.split(',').at(at) ?? all.split(',')[0] ?? '')
      .replace(/\[([^\]])[^[\]]*\]/g, '$1')
      .replace(/\*\*?|\?/g, 'x');
    return sample.startsWith('/') ? sample : `/${sample}`;
  });
}
