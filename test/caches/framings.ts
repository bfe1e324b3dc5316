// Framings of a request that one parser may end elsewhere than another (RFC 9112 6 and 7, and what is
// known of parsers that are more lenient): fields and a body that hides `inner`, a whole request.

export type Framed = (inner: string) => [fields: string[], body: string];

const last = '0\r\n\r\n';
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
const lengthOf = (text: string) => `Content-Length: ${text.length}`;

/** The length covers all; a parser that believes this field sees an empty chunked body, and then `inner`. */
const coded =
  (...fields: string[]): Framed =>
  (inner) => [[lengthOf(last + inner), ...fields], last + inner];
/** The same with the length last. */
const codedFirst =
  (field: string): Framed =>
  (inner) => [[field, lengthOf(last + inner)], last + inner];
/** Lengths of which one ends the request before `inner`. */
const lengths =
  (fields: (length: number) => string[]): Framed =>
  (inner) => [fields(inner.length), inner];
/** A chunked body, whose chunks one parser may end before `inner`. */
const chunked =
  (body: (inner: string) => string): Framed =>
  (inner) => [['Transfer-Encoding: chunked'], body(inner)];

export const framings: Record<string, Framed> = {
  'length-only': lengths((length) => [`Content-Length: ${length}`]),
  'chunked-only': chunked((inner) => chunk(inner) + last),
  'cl-te': coded('Transfer-Encoding: chunked'),
  'te-cl-order': codedFirst('Transfer-Encoding: chunked'),
  'te-cl': (inner) => [['Content-Length: 4', 'Transfer-Encoding: chunked'], chunk(inner) + last],
  'te-blank-before-colon': coded('Transfer-Encoding : chunked'),
  'te-blank-before-name': coded(' Transfer-Encoding: chunked'),
  'te-tab': coded('Transfer-Encoding:\tchunked'),
  'te-vertical-tab': coded('Transfer-Encoding: \x0bchunked'),
  'te-form-feed': coded('Transfer-Encoding: chunked\x0c'),
  'te-nul': coded('Transfer-Encoding: chunked\0'),
  'te-quoted': coded('Transfer-Encoding: "chunked"'),
  'te-unknown': coded('Transfer-Encoding: xchunked'),
  'te-twice': coded('Transfer-Encoding: chunked', 'Transfer-Encoding: identity'),
  'te-identity-then-chunked': coded('Transfer-Encoding: identity', 'Transfer-Encoding: chunked'),
  'te-list': coded('Transfer-Encoding: chunked, identity'),
  'te-empty-in-list': coded('Transfer-Encoding: , chunked'),
  'te-chunked-chunked': coded('Transfer-Encoding: chunked, chunked'),
  'te-gzip-chunked': coded('Transfer-Encoding: gzip, chunked'),
  'te-folded-name': coded('Transfer-Encoding\r\n : chunked'),
  'te-folded-value': coded('Transfer-Encoding:\r\n chunked'),
  'te-in-folded': coded('X-A: a\r\n Transfer-Encoding: chunked'),
  'te-after-bare-lf': coded('X-A: a\nTransfer-Encoding: chunked'),
  'te-after-bare-cr': coded('X-A: a\rTransfer-Encoding: chunked'),
  'te-in-upper-case': coded('TRANSFER-ENCODING: CHUNKED'),
  'te-underscore': coded('Transfer_Encoding: chunked'),
  'te-named-by-connection': coded('Transfer-Encoding: chunked', 'Connection: Transfer-Encoding'),
  'cl-named-by-connection': lengths((length) => [
    `Content-Length: ${length}`,
    'Connection: close, Content-Length',
  ]),
  'cl-twice': lengths((length) => ['Content-Length: 0', `Content-Length: ${length}`]),
  'cl-twice-longer-first': lengths((length) => [`Content-Length: ${length}`, 'Content-Length: 0']),
  'cl-list': lengths((length) => [`Content-Length: 0, ${length}`]),
  'cl-plus': lengths((length) => [`Content-Length: +${length}`]),
  'cl-minus': lengths(() => ['Content-Length: -0']),
  'cl-hexadecimal': lengths((length) => [`Content-Length: 0x${length.toString(16)}`]),
  'cl-blank-inside': lengths((length) => [`Content-Length: 0 ${length}`]),
  'cl-folded': lengths((length) => [`Content-Length: 0\r\n ${length}`]),
  'cl-blank-before-colon': lengths((length) => [`Content-Length : ${length}`]),
  'cl-overflows': lengths((length) => [`Content-Length: ${2n ** 64n + BigInt(length)}`]),
  'cl-fraction': lengths((length) => [`Content-Length: ${length}.0`]),
  'cl-nul': lengths((length) => [`Content-Length: ${length}\0`]),
  'cl-behind-bare-lf': lengths((length) => [`X-A: a\nContent-Length: ${length}`]),
  'cl-underscore': lengths((length) => ['Content-Length: 0', `Content_Length: ${length}`]),
  'cl-and-expect': lengths((length) => [`Content-Length: ${length}`, 'Expect: 100-continue']),
  'cl-and-upgrade': lengths((length) => [
    `Content-Length: ${length}`,
    'Connection: Upgrade, HTTP2-Settings',
    'Upgrade: h2c',
    'HTTP2-Settings: AAMAAABkAAQAAP__',
  ]),
  'chunk-extension': chunked((inner) => `1;a=b\r\nx\r\n${chunk(inner)}${last}`),
  'chunk-extension-quoted-crlf': chunked((inner) => `1;a="\r\nx\r\n${last}${inner}"\r\n${last}`),
  'chunk-extension-bare-lf': chunked((inner) => `1;a\nx\r\n${chunk(inner)}${last}`),
  'chunk-extension-bare-cr': chunked((inner) => `1;a\rx\r\n${chunk(inner)}${last}`),
  'chunk-size-bare-lf': chunked((inner) => `1\nx\r\n${chunk(inner)}${last}`),
  'chunk-data-bare-lf': chunked((inner) => `1\r\nx\n${chunk(inner)}${last}`),
  'chunk-data-overlong': chunked((inner) => `1\r\nxyz\r\n${last}${inner}`),
  'chunk-size-0x': chunked((inner) => `0x${chunk(inner)}${last}`),
  'chunk-size-plus': chunked((inner) => `+${chunk(inner)}${last}`),
  'chunk-size-blank': chunked((inner) => `1 \r\nx\r\n${chunk(inner)}${last}`),
  'chunk-size-underscore': chunked((inner) => `0_1\r\n${last}${inner}`),
  'chunk-size-overflows': chunked((inner) => `10000000000000000\r\n${last}${inner}`),
  'chunk-size-many-zeros': chunked((inner) => `${'0'.repeat(300)}1\r\nx\r\n${chunk(inner)}${last}`),
  'chunk-last-without-end': chunked((inner) => `0\r\n${inner}`),
  'chunk-last-bare-lf': chunked((inner) => `0\n\n${inner}`),
  'trailer-length': chunked((inner) => `0\r\nContent-Length: ${inner.length}\r\n\r\n`),
  'trailer-is-request': chunked((inner) => `0\r\nX-A: ${inner}\r\n\r\n`),
};
