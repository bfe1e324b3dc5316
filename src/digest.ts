// Digests are SHA-256 throughout, written as 64 lower-case hex digits.

export function isDigest(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}
