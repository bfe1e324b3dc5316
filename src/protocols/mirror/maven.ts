// A Maven repository: releases never change, and beside each file stand its digests.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type Answer, respond } from '../../engine/plan.ts';
import type { ResponseField } from '../../native/addon.ts';
import type { Found } from '../../objects/found.ts';
import type { KeptAsOf } from './kept_as.ts';
import type { Kind } from './kinds.ts';
import type { Mirror, Ruled } from './mirror.ts';
import { freshFor, isHeld, lasting, told } from './named.ts';
import { type Asked, askedFor, kept, ownOf, readAt, readByRule, readLocal } from './read_object.ts';

/** Metadata names the newest versions, and snapshots change. */
const changing = freshFor(60);

/** Bytes of metadata whose digests are made here. */
const mostMetadata = 2 ** 20;

export const maven: Kind = (mirror, resources) =>
  resources.at('/:name{.*}', {
    GET: async (request) => {
      const asked = { request, ...askedFor(mirror, request) };
      const { name, grant } = asked;
      const local = await readLocal(mirror, request, grant);
      if (local) return local;
      const upstreams = async () => readByRule(mirror, asked, await ruleOf(mirror, name));
      return (await digestOfMetadata(mirror, asked, upstreams)) ?? upstreams();
    },
  });

export const keptInMaven: KeptAsOf = (mirror, name) => ({ rule: ruleByName(mirror, name) ?? lasting });

/** Undefined: it depends on digests beside it. */
function ruleByName(mirror: Mirror, name: string): Ruled | undefined {
  if (isChanging(name)) return changing;
  const [, proved] = /^(.+)\.(?:sha1|sha256)$/.exec(name) ?? [];
  // What a file could not be compared with yet may be wrong, and then nobody gets the file while it is kept.
  if (proved !== undefined) return isHeld(mirror, proved) ? lasting : changing;
  if (/\.(?:md5|sha512|asc)$/.test(name) || isHeld(mirror, name)) return lasting;
  return undefined;
}

async function ruleOf(mirror: Mirror, name: string): Promise<Ruled> {
  const known = ruleByName(mirror, name);
  if (known) return known;
  const beside = (ending: string) => {
    const its = name + ending;
    return told(mirror, its, mirror.ruleOf(mirror.path + its) ?? changing);
  };
  const sha1 = beside('.sha1');
  // It is waited for only where there is no other.
  sha1.catch(() => {});
  const sha256 = hexIn(await beside('.sha256'), 64);
  if (sha256 !== undefined) return { immutable: true, sha256 };
  const hex = hexIn(await sha1, 40);
  if (hex !== undefined) return { immutable: true, sha256: undefined, digests: { sha1: hex } };
  mirror.services.log.info({ name }, 'no file tells the digest of another: it is kept as it comes');
  return lasting;
}

/** A snapshot with a time in its name is written once, as a release is. */
function isChanging(name: string): boolean {
  if (/(?:^|\/)maven-metadata[^/]*\.xml(?:\.|$)/.test(name)) return true;
  return /-SNAPSHOT\//.test(name) && !/-\d{8}\.\d{6}-\d+[-.][^/]*$/.test(name);
}

/**
 * Metadata and its digest come from the upstream at different times, and clients refuse metadata that its
 * digest does not fit. What they get is what is here, so that is what its digest is of; and it is asked for
 * anew where a client's GET would ask for it. Undefined: the name is no such digest, or nothing is here.
 * @param upstreams the answer with the digest that the upstream has.
 */
async function digestOfMetadata(
  mirror: Mirror,
  asked: Pick<Asked, 'request' | 'grant' | 'name'>,
  upstreams: () => Promise<Answer>,
): Promise<Answer | undefined> {
  const [, of, hash] =
    /^((?:.*\/)?maven-metadata[^/]*\.xml)\.(md5|sha1|sha256|sha512)$/.exec(asked.name) ?? [];
  if (of === undefined || hash === undefined) return undefined;
  const at = { bucket: mirror.bucket, name: mirror.prefix + of };
  const path = mirror.path + of;
  const shown = async (found: Found, said: ResponseField[]) =>
    (await digestOf(mirror, found, hash, said)) ?? upstreams();
  const found = await kept(mirror, at);
  if (!found) return undefined;
  // No upstream is asked for it.
  if (mirror.isLocal(path)) return ownOf(found) && shown(found, []);
  return readAt(mirror, {
    ...{ ...asked, name: of, at, rule: mirror.ruleOf(path) ?? changing, shown },
    passed: upstreams,
  });
}

/** Undefined: they are too large, or were evicted just now. */
async function digestOf(
  { services }: Mirror,
  { ref }: Found,
  hash: string,
  said: ResponseField[],
): Promise<Answer | undefined> {
  if (ref.size > mostMetadata) return undefined;
  const bytes = await readFile(services.objects.pathOf(ref.digest)).catch(() => undefined);
  if (!bytes) return undefined;
  const fields: ResponseField[] = [['Content-Type', 'text/plain'], ['Cache-Control', 'no-cache'], ...said];
  return respond(200, fields, createHash(hash).update(bytes).digest('hex'));
}

/** Some tools write the name of the file behind the digest. */
function hexIn(text: string | undefined, digits: number): string | undefined {
  const [hex = ''] = text?.trim().toLowerCase().split(/\s/) ?? [];
  return hex.length === digits && /^[0-9a-f]+$/.test(hex) ? hex : undefined;
}
