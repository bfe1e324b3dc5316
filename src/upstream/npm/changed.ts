// What a client's change makes of a packument of this server: a version published, versions deprecated, a tag
// moved. Runs on threads for documents. Digests are those of the bytes that came, whatever the client says.

import { createHash } from 'node:crypto';
import { isPackageName, isVersion, tarballName } from './names.ts';
import { isObject, type Packument, parsedJson } from './packument.ts';

type Json = Record<string, unknown>;

/** A change that is refused: 400, or 409 for a version that there is. */
export class Denied extends Error {
  readonly status: 400 | 404 | 409;

  constructor(status: 400 | 404 | 409, message: string) {
    super(message);
    this.status = status;
  }
}

export interface Published {
  packument: Packument;
  tarball: { version: string; bytes: Buffer } | undefined;
}

interface About {
  name: string;
  base: string;
  current: Packument | undefined;
  now: string;
}

/** What `npm publish` or, without an attachment, `npm deprecate` sends. Throws Denied. */
export function withDocument(body: Uint8Array, about: About): Published {
  const sent = parsedJson(body);
  if (!isObject(sent) || sent.name !== about.name)
    throw new Denied(400, 'the document is not of this package');
  const attachments = isObject(sent._attachments) ? Object.values(sent._attachments) : [];
  const versions = isObject(sent.versions) ? Object.entries(sent.versions) : [];
  if (attachments.length === 0) return { packument: deprecated(versions, about), tarball: undefined };
  const [[version = '', manifest] = []] = versions;
  const [attachment] = attachments;
  if (versions.length !== 1 || attachments.length !== 1 || !isObject(manifest) || !isObject(attachment))
    throw new Denied(400, 'expected one version with one tarball');
  return published({ version, manifest, attachment, tags: sent['dist-tags'], sent }, about);
}

interface Sent {
  version: string;
  manifest: Json;
  attachment: Json;
  tags: unknown;
  sent: Json;
}

function published({ version, manifest, attachment, tags, sent }: Sent, about: About): Published {
  const { name, base, now } = about;
  if (!isVersion(version) || manifest.name !== name || manifest.version !== version)
    throw new Denied(400, 'the manifest is of another name or version');
  const { current = { name, versions: {}, 'dist-tags': {} } } = about;
  if (Object.hasOwn(current.versions, version))
    throw new Denied(409, `${name}@${version} is published already, and versions never change`);
  const bytes = tarballOf(attachment);
  const dist = {
    ...provenDist(manifest.dist, bytes),
    tarball: `${base}${name}/-/${tarballName(name, version)}`,
  };
  const { description, readme } = sent;
  const next = {
    ...current,
    ...{
      _id: name,
      name,
      ...(description !== undefined && { description }),
      ...(readme !== undefined && { readme }),
    },
    versions: { ...current.versions, [version]: { ...manifest, dist } },
    'dist-tags': { ...current['dist-tags'], ...tagsOf(tags, version) },
    time: { created: now, ...timesOf(current), [version]: now, modified: now },
  };
  return { packument: next, tarball: { version, bytes } };
}

function tarballOf({ data, length }: Json): Buffer {
  if (typeof data !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(data))
    throw new Denied(400, 'the tarball is no base64');
  const bytes = Buffer.from(data, 'base64');
  if (bytes.length === 0 || (length !== undefined && length !== bytes.length))
    throw new Denied(400, 'the tarball has another length than the document says');
  return bytes;
}

function provenDist(said: unknown, bytes: Buffer): Json {
  const hash = createHash('sha512').update(bytes).digest('base64');
  const dist: Json = isObject(said) ? said : {};
  const integrity = `sha512-${hash}`;
  const shasum = createHash('sha1').update(bytes).digest('hex');
  if (dist.shasum !== undefined && dist.shasum !== shasum)
    throw new Denied(400, 'the tarball has another shasum than the manifest says');
  const given = typeof dist.integrity === 'string' ? dist.integrity.split(/\s+/) : [];
  if (given.some((each) => each.startsWith('sha512-') && each !== integrity))
    throw new Denied(400, 'the tarball has another integrity than the manifest says');
  return { ...dist, integrity, shasum };
}

/** The tags that come with a version, and point at it. */
function tagsOf(tags: unknown, version: string): Record<string, string> {
  const names = isObject(tags) ? Object.keys(tags).filter((tag) => tags[tag] === version) : [];
  for (const tag of names) checkTag(tag);
  return Object.fromEntries((names.length > 0 ? names : ['latest']).map((tag) => [tag, version]));
}

function timesOf({ time }: Json): Json {
  return isObject(time) ? time : {};
}

// Nothing but the text is taken of what the client sends: versions never change.
function deprecated(sent: [string, unknown][], { current, now }: About): Packument {
  if (!current) throw new Denied(404, 'there is no such package');
  const versions = { ...current.versions };
  for (const [version, manifest] of sent) {
    if (!Object.hasOwn(versions, version) || !isObject(manifest)) continue;
    const { deprecated: _, ...before } = versions[version] as Json;
    const { deprecated: said } = manifest;
    const isSaid = typeof said === 'string' && said !== '';
    versions[version] = isSaid ? { ...before, deprecated: said.slice(0, 4096) } : before;
  }
  return { ...current, versions, time: { ...timesOf(current), modified: now } };
}

/** @param version undefined: the tag is removed. Throws Denied. */
export function withTag(tag: string, version: string | undefined, { current, now }: About): Packument {
  if (!current) throw new Denied(404, 'there is no such package');
  checkTag(tag);
  const { [tag]: found, ...tags } = current['dist-tags'];
  const before = Object.hasOwn(current['dist-tags'], tag) ? found : undefined;
  if (version === undefined && (before === undefined || tag === 'latest'))
    throw new Denied(before === undefined ? 404 : 400, `the tag ${tag} cannot be removed`);
  if (version !== undefined && !Object.hasOwn(current.versions, version))
    throw new Denied(404, `there is no version ${version}`);
  const next = version === undefined ? tags : { ...tags, [tag]: version };
  return { ...current, 'dist-tags': next, time: { ...timesOf(current), modified: now } };
}

// A tag that could be a range would be taken for one.
function checkTag(tag: string): void {
  if (!isPackageName(tag) || tag.includes('/') || /^v?\d/.test(tag) || tag === '__proto__')
    throw new Denied(400, 'a tag is a name, and no version');
}
