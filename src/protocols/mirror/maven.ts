// A Maven repository: releases never change, and beside each file stand its digests.

import { byNames, freshFor, isHeld, lasting, told } from './named.ts';

/** Seconds: metadata names the newest versions, and snapshots change. */
const seconds = 60;

const sidecar = /\.(?:md5|sha1|sha256|sha512|asc)$/;

export const maven = byNames(async (mirror, name) => {
  const isMutable = /(?:^|\/)maven-metadata[^/]*\.xml(?:\.|$)|-SNAPSHOT\//.test(name);
  if (isMutable) return freshFor(seconds);
  if (sidecar.test(name) || isHeld(mirror, name)) return lasting;
  const sha256 = hexIn(await told(mirror, `${name}.sha256`), 64);
  if (sha256 !== undefined) return { immutable: true, sha256 };
  const sha1 = hexIn(await told(mirror, `${name}.sha1`), 40);
  if (sha1 !== undefined) return { immutable: true, sha256: undefined, digests: { sha1 } };
  mirror.services.log.info({ name }, 'no file tells the digest of another: it is kept as it comes');
  return lasting;
});

/** Some tools write the name of the file behind the digest. */
function hexIn(text: string | undefined, digits: number): string | undefined {
  const [hex = ''] = text?.trim().toLowerCase().split(/\s/) ?? [];
  return hex.length === digits && /^[0-9a-f]+$/.test(hex) ? hex : undefined;
}
