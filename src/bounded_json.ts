// JSON of strangers: how deep and how full it is, is looked at before it is parsed, since parsers and what
// comes behind them take long for what is nested a million times, or has a million members.

/** Levels of arrays and objects in each other. */
const deepest = 32;
/** Values, all levels together. */
const mostValues = 100_000;

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
const opening = [0x5b, 0x7b];
const closing = [0x5d, 0x7d];

/** Throws SyntaxError for what is no JSON in UTF-8, and RangeError for what is too deep or too full. */
export function boundedJson(bytes: Uint8Array): unknown {
  checkShape(bytes);
  return JSON.parse(utf8(bytes));
}

function utf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new SyntaxError('It is no text in UTF-8.', { cause });
  }
}

function checkShape(bytes: Uint8Array): void {
  let [depth, values] = [0, 0];
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === quote) at = endOfText(bytes, at + 1);
    else if (byte === comma) values++;
    else if (opening.includes(byte)) {
      values++;
      depth++;
    } else if (closing.includes(byte)) depth--;
    if (depth > deepest) throw new RangeError(`It has more than ${deepest} levels.`);
    if (values > mostValues) throw new RangeError(`It has more than ${mostValues} values.`);
  }
}

/** Where the quotation mark is that ends a text, or the last byte. */
function endOfText(bytes: Uint8Array, start: number): number {
  for (let at = start; at < bytes.length; at++) {
    if (bytes[at] === backslash) at++;
    else if (bytes[at] === quote) return at;
  }
  return bytes.length;
}
