// Digests are SHA-256, written as 64 lower-case hexadecimal digits.

export function isDigest(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}
