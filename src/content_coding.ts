// Content codings: how the bytes of a representation can be coded (RFC 9110 8.4.1).

/** In the order in which a server prefers them; the same as in native/base/content_coding.h. */
export const contentCodings = ['br', 'zstd', 'gzip'] as const;
export type ContentCoding = (typeof contentCodings)[number];

/** What a client that takes all of them accepts. */
export const everyCoding = contentCodings.reduce((sum, _, at) => sum + ((at + 1) << (2 * at)), 0);

/** What native/http/accepted_codings.h says of a request, the best first. */
export function codingsOf(accepted: number): ContentCoding[] {
  const bits = 2 * contentCodings.length;
  const found: ContentCoding[] = [];
  for (let at = 0; at < bits; at += 2) {
    const coding = contentCodings[((accepted >> at) & 3) - 1];
    if (coding !== undefined) found.push(coding);
  }
  return found;
}
