// Challenges of registries: how a server says which credentials it takes (RFC 9110 11.6.1).

export interface Challenge {
  /** In lower case. */
  scheme: string;
  /** By their names in lower case. */
  parameters: ReadonlyMap<string, string>;
}

/** Characters that are looked at. */
const longest = 8192;
const token = /[\w!#$%&'*+.^`|~-]+/y;
const equals = /[ \t]*=[ \t]*/y;
const quoted = /"((?:[^"\\]|\\.)*)"/y;
/** Also what is encoded in base 64, which has slashes and equals signs. */
const plain = /[^\s,"]+/y;
const between = /[\s,]+/y;

/** Those of a WWW-Authenticate field, also of several that were joined. What is none ends them. */
export function challengesIn(field: string): Challenge[] {
  const found: { scheme: string; parameters: Map<string, string> }[] = [];
  const text = field.slice(0, longest);
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match) at = pattern.lastIndex;
    return match ?? undefined;
  };
  for (;;) {
    take(between);
    const name = take(token)?.[0].toLowerCase();
    if (name === undefined) return found;
    if (take(equals) === undefined) {
      found.push({ scheme: name, parameters: new Map() });
      continue;
    }
    const value = take(quoted)?.[1]?.replace(/\\(.)/g, '$1') ?? take(plain)?.[0];
    if (value === undefined) return found;
    found.at(-1)?.parameters.set(name, value);
  }
}
