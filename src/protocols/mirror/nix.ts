// A binary cache of Nix: an archive has the SHA-256 of its bytes for a name, and the narinfo of a store path
// tells that name.

import { byItsName, type KeptAsOf } from './kept_as.ts';
import type { Ruled } from './mirror.ts';
import { byNames, freshFor, lasting } from './named.ts';

/** Seconds: of what tells of archives. It may be signed anew. */
const seconds = 3600;

export const nix = byNames((_, name) => ruleOf(name));

export const keptInNix: KeptAsOf = (_, name) => {
  const rule = ruleOf(name);
  return { rule, ...(rule?.sha256 !== undefined && { proof: byItsName }) };
};

function ruleOf(name: string): Ruled | undefined {
  if (/^nix-cache-info$|^[0-9a-z]{32}\.(?:narinfo|ls)$/.test(name)) return freshFor(seconds);
  const [, hash] = /^nar\/([^/.]+)\.nar(?:\.[a-z0-9]+)?$/.exec(name) ?? [];
  if (hash === undefined) return undefined;
  const sha256 = hexOf(hash);
  return sha256 === undefined ? lasting : { immutable: true, sha256 };
}

/** Digits of Nix's base 32: the letters but e, o, t and u. */
const digits = '0123456789abcdfghijklmnpqrsvwxyz';

/** A SHA-256 as Nix writes it, the last bits first; undefined: it is none. */
function hexOf(text: string): string | undefined {
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  if (text.length !== 52 || [...text].some((each) => !digits.includes(each))) return undefined;
  const number = [...text].reduce((sum, each) => sum * 32n + BigInt(digits.indexOf(each)), 0n);
  const hex = number.toString(16).padStart(64, '0');
  return hex.length === 64 ? Buffer.from(hex, 'hex').reverse().toString('hex') : undefined;
}
