// Explains what a URL is answered with, and why: the mount that the engine finds, the rules of its site that
// apply, and the answer that its application gives. All of it is asked of what serves requests.

import { everyCoding } from '../content_coding.ts';
import type { Handle } from '../engine/bridge.ts';
import { EngineRequest } from '../engine/engine_request.ts';
import { type Answer, problemFrom } from '../engine/plan.ts';
import type { ErrorCode } from '../errors.ts';
import { addon, type EngineMount, type ResponseField } from '../native/addon.ts';
import type { Name } from '../objects/objects.ts';
import { publicLocation } from '../public_urls.ts';
import { Redirects } from '../redirects.ts';
import { type StreamingRole, streamingName } from '../streaming_names.ts';
import { hasVideoCaching } from '../video_site.ts';
import type { Mount, Protocol, Services } from './mount.ts';
import { normalPath, seenPath } from './paths.ts';
import { cachingOf } from './policy.ts';
import { siteFields } from './site_fields.ts';

/** A rule of a site by its number in the configuration, from 0 on. */
interface Applied {
  rule: number;
  match: string;
}

export interface Explanation {
  url: string;
  host: string;
  path: string;
  /** The path as rules of the site see it; absent: it means nothing. */
  seen?: string;
  site?: { host: string; path: string; protocol: string; bucket?: string };
  /** Where clients see it, where the site says so. */
  publicUrl?: string;
  /** Other sites of the host, and why they do not answer. */
  others: { site: string; why: string }[];
  /** Sites of other hosts. */
  elsewhere: number;
  redirect?: Applied & { status: number; to: string };
  object?: Name;
  caching?: Applied;
  /** What the preset of the site takes the path for, where it says Cache-Control and no rule does. */
  preset?: { name: 'video'; role: StreamingRole };
  fields: Applied[];
  cors?: { origins: readonly string[] };
  /** Who is served, besides what the grant says. */
  access?: {
    allow?: readonly string[];
    deny?: readonly string[];
    signed?: 'required' | 'taken';
    token?: true;
  };
  /** What readers must have been given; empty: nothing. */
  grant?: string;
  answer: {
    status: number;
    fields: readonly ResponseField[];
    problem?: ErrorCode;
    digest?: string;
    size?: number;
    /** Whether workers keep the plan and answer by it without the application. */
    kept: boolean;
  };
}

/** A URL, in the parts that requests have. */
export interface Asked {
  url: string;
  /** Host, and port where one is named. */
  authority: string;
  /** Path and query, as they are sent. */
  target: string;
}

/** The parts of a URL as it is, which no parser of URLs gives; undefined: clients cannot send it. */
export function askedUrl(url: string): Asked | undefined {
  const [sent = ''] = url.split('#', 1);
  const [, authority, target = '/'] = /^https?:\/\/([!-.0-~]+)(\/[!-~]*)?$/.exec(sent) ?? [];
  return authority === undefined || /[?@]/.test(authority) ? undefined : { url, authority, target };
}

/** What is explained from. */
export interface Explained {
  mounts: readonly Mount[];
  table: readonly EngineMount[];
  protocols: Readonly<Record<string, Protocol>>;
  handle: Handle;
  log: Services['log'];
}

/** @param token of a reader, whose grants the answer may need; empty: none. */
export async function explain(
  { url, authority, target }: Asked,
  { mounts, table, protocols, handle, log }: Explained,
  token: string,
): Promise<Explanation> {
  const { request, mount } = requestFor({ url, authority, target }, { mounts, table }, token);
  const { others, elsewhere } = notFor(request, mounts, mount);
  const seen = seenPath(request.path);
  const answer = await answered(handle, request, log);
  return {
    ...{ url, host: authority, path: request.path, ...(seen !== undefined && { seen }) },
    ...(mount && { site: placeOf(mount) }),
    ...(mount?.site?.publicUrl !== undefined && { publicUrl: publicLocation(mount.site, target) }),
    ...{ others, elsewhere },
    ...(mount ? rulesFor(mount, request, seen, protocols) : { fields: [] }),
    ...(answer.kind === 'deliver' && { grant: answer.grant ?? '' }),
    answer: shownAnswer(answer),
  };
}

/** What a request for it is answered with. @param token as `explain` has it. */
export function askFor(asked: Asked, explained: Explained, token: string): Promise<Answer> {
  const { handle, log } = explained;
  return answered(handle, requestFor(asked, explained, token).request, log);
}

function requestFor(
  { authority, target }: Asked,
  { mounts, table }: Pick<Explained, 'mounts' | 'table'>,
  token: string,
) {
  const id = addon.mountTable(table)(authority, target);
  const head = token === '' ? '' : `Authorization: Bearer ${token}\r\n`;
  const at = table.findIndex((each) => each.id === id);
  const mount = mounts[at];
  const request = new EngineRequest({
    ...{ mount: id, method: 'GET', target, head, authority, hasBody: false, subject: '' },
    // The answer to a client that takes all codings, and where URLs are signed that to a signed one.
    codings: table[at]?.codings ? everyCoding : 0,
    access: mount?.site?.signed ? 'signed' : '',
  });
  return { request, mount };
}

async function answered(handle: Handle, request: EngineRequest, log: Services['log']): Promise<Answer> {
  try {
    return await handle(request);
  } catch (error) {
    return problemFrom(error, log, request.path);
  }
}

function placeOf({ host, path, protocol, bucket }: Mount): NonNullable<Explanation['site']> {
  return { host, path, protocol, ...(bucket !== undefined && { bucket }) };
}

/** The engine is asked with each mount alone, first whether it is for the host, then for the path. */
function notFor({ authority, url, path }: EngineRequest, mounts: readonly Mount[], found: Mount | undefined) {
  const alone = (host: string, at: string) => {
    const table = addon.mountTable([{ id: 1, host, path: at, openReads: true, parameters: [], name: '' }]);
    return table(authority, url) !== 0;
  };
  const normal = normalPath(path) ?? '';
  const sites = mounts.filter((each) => each.site && each !== found);
  const near = sites.filter(({ host }) => alone(host, '/'));
  const others = near.map(({ host, path: its }) => {
    const isOther = normal.startsWith(its) ? 'the path as it was sent is another' : 'its path is another';
    const isWider =
      found && host !== found.host ? 'a more specific host comes first' : 'a longer path comes first';
    return { site: host + its, why: alone('*', its) ? isWider : isOther };
  });
  return { others, elsewhere: sites.length - near.length };
}

function rulesFor(
  mount: Mount,
  { path }: EngineRequest,
  seen: string | undefined,
  protocols: Explained['protocols'],
): Pick<Explanation, 'redirect' | 'object' | 'caching' | 'preset' | 'fields' | 'cors' | 'access'> {
  const { site } = mount;
  const redirect = seen === undefined ? undefined : new Redirects(site?.redirects ?? []).of(seen);
  const from = redirect && site?.redirects?.[redirect.rule]?.from;
  const rule = seen === undefined ? -1 : (cachingOf(mount)?.ruleOf(seen) ?? -1);
  const match = site?.caching?.[rule]?.match;
  const role = site && hasVideoCaching(site) && seen !== undefined ? streamingName(seen)?.role : undefined;
  const fields = siteFields(site ?? {})
    .rulesOf(seen)
    .map((at) => ({ rule: at, match: site?.fields?.[at]?.match ?? '' }));
  const object = redirect ? undefined : named(mount, path, protocols);
  return {
    ...(redirect && { redirect: { ...redirect, match: from ?? '' } }),
    ...(object && { object }),
    ...(match !== undefined && { caching: { rule, match } }),
    ...(match === undefined && role && { preset: { name: 'video', role } }),
    fields,
    ...(site?.cors && { cors: { origins: site.cors.origins } }),
    ...accessTo(site),
  };
}

function accessTo(site: Mount['site']): Pick<Explanation, 'access'> {
  if (!site) return {};
  const { allow, deny, signed, auth } = site;
  const access = {
    ...(allow && { allow }),
    ...(deny && { deny }),
    ...(signed && { signed: signed.required ? ('required' as const) : ('taken' as const) }),
    ...(auth === 'token' && { token: true as const }),
  };
  return Object.keys(access).length > 0 ? { access } : {};
}

function named(mount: Mount, path: string, protocols: Explained['protocols']): Name | undefined {
  try {
    return protocols[mount.protocol]?.named?.(mount, path);
  } catch {
    return undefined;
  }
}

function shownAnswer(answer: Answer): Explanation['answer'] {
  if (answer.kind === 'receive') return { status: 200, fields: [], kept: false };
  // What a client gets that has waited in vain.
  if (answer.kind === 'wait') return shownAnswer(answer.otherwise);
  const problem = 'problem' in answer ? (answer.problem as ErrorCode) : undefined;
  const told = { fields: answer.fields, ...(problem && { problem }) };
  if (answer.kind === 'respond') return { ...told, status: answer.status, kept: false };
  if (answer.kind === 'follow') return { ...told, status: 200, size: answer.file.size, kept: false };
  const { digest, size } = answer.kind === 'deliver' ? answer.blob : answer;
  const kept = answer.kind === 'deliver' && answer.cache !== undefined && answer.grant !== undefined;
  const type: ResponseField = ['Content-Type', answer.contentType];
  const fields = [type, ...(answer.contentFields ?? []), ...answer.fields];
  return { ...told, fields, status: answer.status ?? 200, digest, size, kept };
}
