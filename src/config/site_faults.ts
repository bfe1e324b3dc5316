// What a site's settings cannot be together, each as an issue at the setting that is wrong.

import type * as z from 'zod';
import { publicUrlOf } from '../public_urls.ts';
import { decodedSitePath } from '../site_path.ts';
import { Following } from './redirect_loops.ts';
import type { SiteConfig, WrittenSite } from './sites.ts';

type Refuse = (path: PropertyKey[], message: string) => void;

function refusing(context: z.RefinementCtx): Refuse {
  return (path, message) => context.addIssue({ code: 'custom', path, message });
}

/** Settings of some protocols alone. */
const settingsOf = {
  web: ['index', 'listing', 'notFound', 'notFoundMaxAge', 'errorPages', 'fallback', 'redirects', 'signed'],
  live: ['rewrite', 'window', 'names', 'blockingReload'],
  objects: ['resumableUploads'],
  mirror: ['upstreams', 'mirror'],
  bazel: ['bazel'],
  oci: ['registry'],
  /** Of those that serve a bucket. */
  both: ['bucket', 'prefix', 'compress'],
} as const satisfies Record<string, (keyof WrittenSite)[]>;

export function refuseWhatCannotBe(site: WrittenSite, context: z.RefinementCtx): void {
  const refuse = refusing(context);
  const { protocol } = site;
  const hasBucket = protocol !== 'objects';
  if (hasBucket && site.bucket === undefined) refuse(['bucket'], 'expected a bucket name');
  if (protocol === 'mirror' && site.upstreams === undefined)
    refuse(['upstreams'], 'expected the names of upstreams');
  if (protocol === 'oci' && !site.path.endsWith('/v2/'))
    refuse(['path'], 'expected a path that ends with /v2/, which clients of registries ask for');
  if (protocol === 'oci' && site.publicUrl?.endsWith('/v2/') === false)
    refuse(['publicUrl'], 'expected a URL that ends with /v2/, which clients of registries ask for');
  if (protocol === 'bazel' && site.compress !== undefined)
    refuse(['compress'], 'expected nothing: Bazel takes the bytes as they are stored');
  if (protocol === 'oci' && (site.mirror?.kind ?? 'files') !== 'files')
    refuse(['mirror', 'kind'], 'expected nothing: a registry has images alone');
  if (protocol === 'oci' && site.mirror !== undefined && site.upstreams === undefined)
    refuse(['upstreams'], 'expected the names of upstreams beside "mirror"');
  if (protocol === 'oci' && site.compress !== undefined)
    refuse(['compress'], 'expected nothing: digests of a registry are of the bytes as they are sent');
  const foreign = [
    ...(hasBucket ? [] : settingsOf.both),
    ...(protocol === 'web' ? [] : settingsOf.web),
    ...(protocol === 'live' ? [] : settingsOf.live),
    ...(protocol === 'objects' ? [] : settingsOf.objects),
    ...(protocol === 'mirror' || protocol === 'oci' ? [] : settingsOf.mirror),
    ...(protocol === 'bazel' ? [] : settingsOf.bazel),
    ...(protocol === 'oci' ? [] : settingsOf.oci),
  ];
  for (const each of foreign)
    if (site[each] !== undefined) refuse([each], `expected nothing: protocol ${protocol} has no ${each}`);
  if (site.signed?.sharedCaches === true && !site.signed.required)
    refuse(
      ['signed', 'sharedCaches'],
      'expected false beside "required": false, as auth.reads decides there',
    );
  if (site.fallback !== undefined && site.notFound !== undefined)
    refuse(['notFound'], 'expected nothing beside fallback, which answers for all that is not there');
  for (const [index, { from, to }] of (site.redirects ?? []).entries()) {
    refuseOutside(site, from, ['redirects', index, 'from'], refuse);
    refuseCaptures(from, to, ['redirects', index, 'to'], refuse);
  }
  if (site.protocol === 'web' && site.webContent !== undefined)
    refuse(['webContent'], 'expected nothing: a web site is web content');
  for (const list of ['caching', 'fields'] as const)
    for (const [index, { match }] of (site[list] ?? []).entries())
      refuseOutside(site, match, [list, index, 'match'], refuse);
  refuseMirror(site, refuse);
  for (const [index, match] of (site.readWhileWriting ?? []).entries())
    refuseOutside(site, match, ['readWhileWriting', index], refuse);
  refuseFieldRules(site, refuse);
  const matches = (site.caching ?? []).map(({ match }) => match);
  refuseShadowed(matches, 'caching', 'match', refuse);
  refuseShadowed(
    (site.redirects ?? []).map(({ from }) => from),
    'redirects',
    'from',
    refuse,
  );
}

function refuseMirror(site: WrittenSite, refuse: Refuse): void {
  if (site.mirror?.kind === 'npm' && publicUrlOf(site) === undefined)
    refuse(
      ['publicUrl'],
      'expected the URL that clients see, which packages of "kind": "npm" are listed with; or a host that ' +
        'is no pattern',
    );
  const { local = [], rules = [] } = site.mirror ?? {};
  for (const [index, match] of local.entries())
    refuseOutside(site, match, ['mirror', 'local', index], refuse);
  for (const [index, { match, sha256 }] of rules.entries()) {
    refuseOutside(site, match, ['mirror', 'rules', index, 'match'], refuse);
    refuseCaptures(match, sha256 ?? '', ['mirror', 'rules', index, 'sha256'], refuse);
  }
  if (new Set(site.upstreams).size !== (site.upstreams?.length ?? 0))
    refuse(['upstreams'], 'expected each upstream once');
}

/** A rule of fields that says nothing, or two things of one field. */
function refuseFieldRules({ fields = [] }: WrittenSite, refuse: Refuse): void {
  for (const [index, { set, add, remove }] of fields.entries()) {
    const names = [...Object.keys(set), ...remove].map((name) => name.toLowerCase());
    const twice = names.find((name, at) => names.indexOf(name) !== at);
    if (twice !== undefined)
      refuse(['fields', index], `expected each field once in set and remove, and not ${twice} twice`);
    if (names.length === 0 && Object.keys(add).length === 0)
      refuse(['fields', index], 'expected fields to set, add or remove');
  }
}

/** A pattern below another path than the site's matches nothing. */
function refuseOutside({ path }: WrittenSite, glob: string, at: PropertyKey[], refuse: Refuse): void {
  const own = decodedSitePath(path);
  const fixed = /^[^*?{[]*/.exec(glob)?.[0] ?? '';
  const isBelow = fixed.startsWith(own) || (fixed !== glob && own.startsWith(fixed));
  if (!glob.startsWith('**') && !isBelow)
    refuse(at, `it matches nothing: expected a pattern that begins with the path of the site, ${path}`);
}

function refuseCaptures(from: string, to: string, at: PropertyKey[], refuse: Refuse): void {
  const captured = from.match(/\*\*?|\{|\[/g)?.length ?? 0;
  const wanted = Math.max(0, ...[...to.matchAll(/\$([1-9])/g)].map(([, digit]) => Number(digit)));
  if (wanted <= captured) return;
  const most = captured === 0 ? `no $${wanted}` : `no more than $${captured}`;
  const has = captured === 0 ? 'nothing' : captured === 1 ? 'one part' : `${captured} parts`;
  refuse(at, `expected ${most}: ${from} captures ${has}, by *, **, {} and []`);
}

/** What stands behind the same pattern, or behind one that matches all, is never reached. */
function refuseShadowed(globs: readonly string[], list: string, member: string, refuse: Refuse): void {
  for (const [index, glob] of globs.entries()) {
    const first = globs.slice(0, index).findIndex((each) => each === glob || each === '**' || each === '/**');
    if (first >= 0) refuse([list, index, member], `it matches nothing: ${list}.${first} comes first`);
  }
}

/** A redirect that leads back to itself, by others of any site or by its own pattern. */
export function refuseLoops(sites: readonly SiteConfig[], context: z.RefinementCtx): void {
  const following = new Following(sites);
  for (const [index, site] of sites.entries())
    for (const [at, { from }] of (site.redirects ?? []).entries()) {
      const path = following.comesBack(site, from);
      if (path === undefined) continue;
      const message = `expected a redirect that ends: following it from ${path} comes back`;
      context.addIssue({ code: 'custom', path: [index, 'redirects', at, 'to'], message });
    }
}

/** Mirrors of other upstreams under the same names: one would send what the other has fetched. */
export function refuseSharedMirrors(sites: readonly SiteConfig[], context: z.RefinementCtx): void {
  const first = new Map<string, SiteConfig>();
  for (const [index, site] of sites.entries()) {
    const { protocol, bucket = '', prefix = '', upstreams = [] } = site;
    if (protocol !== 'mirror') continue;
    const before = first.get(`${bucket}/${prefix}`) ?? site;
    first.set(`${bucket}/${prefix}`, before);
    if (before.upstreams?.join(' ') === upstreams.join(' ')) continue;
    const other = `${before.host}${before.path} keeps what ${before.upstreams?.join(', ')} sent`;
    const message =
      `expected a prefix that no mirror of other upstreams has: ${other} under the same names of the ` +
      `bucket ${bucket}, and one would send what the other has fetched`;
    context.addIssue({ code: 'custom', path: [index, 'prefix'], message });
  }
}
