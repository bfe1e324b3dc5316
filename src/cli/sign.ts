// sign: prints a URL with a signature, by the first key of the site that the URL is of.

import type { Command } from 'commander';
import { SigningKeys } from '../auth/signing_keys.ts';
import { networkTextSchema } from '../config/site_rules.ts';
import type { SiteConfig } from '../config/sites.ts';
import { addon } from '../native/addon.ts';
import { withoutHostBits } from '../networks.ts';
import { publicSite } from '../public_urls.ts';
import { keyIdOf, type Signed, signatureParameters, signedText } from '../signed_urls.ts';
import { timeToLiveIn } from '../store/time_to_live.ts';
import { UsageError } from './say.ts';
import { type SiteOptions, siteConfig, withExamples } from './site.ts';

interface SignOptions extends Pick<SiteOptions, 'config'> {
  for: string;
  prefix?: string;
  method?: string;
  address?: string;
  in: string;
  key?: string;
}

export function addSign(program: Command): void {
  const signing = program
    .command('sign')
    .description('print a URL of a site with a signature, for who may read it without a token')
    .argument('<url>', 'URL as clients see it, for example https://cdn.example.com/a.mp4')
    .requiredOption('--for <time>', 'how long it counts: 90s, 30m, 12h or 7d')
    .option('--prefix <path>', 'sign all paths that begin so: a folder, /hls/a/, or with a star, /hls/movie*')
    .option('--method <method>', 'GET, which includes HEAD, or HEAD (default: both)')
    .option('--address <network>', 'address or network that the client has to have, as 192.0.2.0/24')
    .option('--in <where>', 'query, or path, so that relative addresses keep it', 'query')
    .option('--key <id>', 'key of the site to sign with (default: the first)')
    .option('-c, --config <file>', 'configuration file (default: ./sealgate.json; $SEALGATE_CONFIG)')
    .action(sign);
  withExamples(
    signing,
    'sealgate sign https://cdn.example.com/manual.pdf --for 1h',
    'sealgate sign https://cdn.example.com/hls/a/index.m3u8 --for 6h --prefix /hls/a/ --in path',
  );
}

async function sign(given: string, options: SignOptions): Promise<void> {
  const url = urlOf(given);
  const { sites = [] } = await siteConfig(options);
  const { site, base } = signedSite(sites, url);
  const { host, path, signed } = site;
  // Signed is what the server sees.
  const seen = (asked: string) => (base === path ? asked : path + asked.slice(base.length));
  const prefix = prefixOf(options.prefix, url, base === path ? '' : base);
  const file = keyFile(signed, options.key);
  const { method } = options;
  if (method !== undefined && method !== 'GET' && method !== 'HEAD')
    throw new UsageError(`--method: expected GET or HEAD, got '${method}'`);
  const what: Signed = {
    site: `${host}${path}`,
    expires: Math.floor(Date.now() / 1000) + secondsOf(options.for),
    key: keyIdOf(file),
    method,
    network: networkOf(options.address),
    prefix: prefix === undefined ? undefined : seen(prefix),
  };
  const text = signedText(what, seen(url.pathname));
  const signature = addon.signText(new SigningKeys(undefined).get(file), text);
  console.log(withSignature(url, base, signatureParameters(what, signature), options.in));
}

function urlOf(given: string): URL {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url && /^https?:$/.test(url.protocol) && url.hash === '') return url;
  throw new UsageError(`${given}: expected a URL that begins with https:// or http://, without a fragment`);
}

type SignedSite = SiteConfig & { signed: NonNullable<SiteConfig['signed']> };

/**
 * The site whose public URL it is of, or that the engine finds for requests with this URL, and the path of
 * the site as clients see it.
 */
function signedSite(sites: readonly SiteConfig[], url: URL): { site: SignedSite; base: string } {
  const { hostname, pathname } = url;
  const found = publicSite(sites, url.href) ?? foundSite(sites, url);
  if (!found) throw new UsageError(`${hostname}${pathname}: no site of the configuration serves it`);
  const { signed, path, publicUrl } = found;
  const base = publicUrl !== undefined && url.href.startsWith(publicUrl) ? new URL(publicUrl).pathname : path;
  if (signed) return { site: { ...found, signed }, base };
  throw new UsageError(
    `${hostname}${pathname}: its site, ${found.host}${path}, signs no URLs; give it "signed" with keys`,
  );
}

function foundSite(sites: readonly SiteConfig[], { hostname, pathname }: URL): SiteConfig | undefined {
  const mounts = sites.map(({ host, path }, at) => ({
    id: at + 1,
    host,
    path,
    openReads: true,
    parameters: [],
    name: '',
  }));
  return sites[addon.mountTable(mounts)(hostname, pathname) - 1];
}

function keyFile({ keys }: SignedSite['signed'], wanted: string | undefined): string {
  const file = wanted === undefined ? keys[0] : keys.find((each) => keyIdOf(each) === wanted);
  if (file !== undefined) return file;
  throw new UsageError(`--key: expected one of ${keys.map(keyIdOf).join(', ')}, got '${wanted}'`);
}

function secondsOf(text: string): number {
  const seconds = timeToLiveIn(text);
  if (seconds !== undefined) return seconds;
  throw new UsageError(`--for: expected a time as 90s, 30m, 12h or 7d, up to 100 years, got '${text}'`);
}

function networkOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (!networkTextSchema.safeParse(text).success)
    throw new UsageError(`--address: expected an address, or a network as 192.0.2.0/24, got '${text}'`);
  const meant = withoutHostBits(text);
  if (meant !== undefined) throw new UsageError(`--address: expected ${meant}, got '${text}'`);
  return text;
}

// A folder without its slash would cover what lies beside it.
function prefixOf(given: string | undefined, { origin, pathname }: URL, base: string): string | undefined {
  if (given === undefined) return undefined;
  if (!/^\/.*[/*]$/.test(given) || !URL.canParse(given, origin))
    throw new UsageError(`--prefix: expected a path that ends with a slash or a star, got '${given}'`);
  const prefix = new URL(given.replace(/\*$/, ''), origin).pathname;
  if (pathname.startsWith(prefix) && prefix.startsWith(base)) return prefix;
  throw new UsageError(`--prefix: expected what ${pathname} begins with, got '${given}'`);
}

function withSignature(url: URL, site: string, parameters: string, where: string): string {
  const { origin, pathname, search } = url;
  if (where === 'query') return `${origin}${pathname}${search}${search === '' ? '?' : '&'}${parameters}`;
  if (where === 'path') return `${origin}${site}~${parameters}/${pathname.slice(site.length)}${search}`;
  throw new UsageError(`--in: expected query or path, got '${where}'`);
}
