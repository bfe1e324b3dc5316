// Paths of requests as people mean them: percent-encoding is undone once, so that an encoded slash is a
// slash, and empty and dot segments are resolved. What rules of a site are compared with, and what web
// sites serve.

/** Undefined: a bad percent-encoding, a control character or a backslash, which no name has. */
export function decodedPath(text: string): string | undefined {
  let plain = text;
  try {
    if (text.includes('%')) plain = decodeURIComponent(text);
  } catch {
    return undefined;
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  return plain.isWellFormed() && !/[\u0000-\u001f\u007f\\]/.test(plain) ? plain : undefined;
}

export interface Resolved {
  /** Without slashes at its ends; empty: what the path began at. */
  name: string;
  /** Whether the path ends with a slash, or with a dot segment. */
  isFolder: boolean;
}

/** Undefined: it leads out of what it began at. @param path decoded. */
export function resolvedPath(path: string): Resolved | undefined {
  const sent = path.split('/');
  const segments: string[] = [];
  for (const segment of sent) {
    if (segment === '..' && segments.pop() === undefined) return undefined;
    if (!isDots(segment)) segments.push(segment);
  }
  return { name: segments.join('/'), isFolder: isDots(sent.at(-1) ?? '') };
}

function isDots(segment: string): boolean {
  return segment === '' || segment === '.' || segment === '..';
}

/** The path that rules are compared with; undefined: they match none like it. @param path as it was sent. */
export function seenPath(path: string): string | undefined {
  const decoded = decodedPath(path);
  return decoded === undefined ? undefined : withoutDots(decoded);
}

/**
 * The normal form of a path: decoded, without empty and dot segments. Undefined: it leads out of the root, or
 * has a bad percent-encoding. @param path as it was sent.
 */
export function normalPath(path: string): string | undefined {
  try {
    return withoutDots(decodeURIComponent(path));
  } catch {
    return undefined;
  }
}

function withoutDots(path: string): string | undefined {
  const resolved = resolvedPath(path);
  if (resolved === undefined) return undefined;
  const { name, isFolder } = resolved;
  return `/${name}${isFolder && name !== '' ? '/' : ''}`;
}

/** Whether a path may be another than its normal form. @param path as it was sent. */
export function isOdd(path: string): boolean {
  return path.includes('%') || path.includes('//') || path.includes('/.');
}
