// The path of a site: compared with targets as they are sent, without a query, and encoded where they are.

import * as z from 'zod';

export const sitePathSchema = z.string().superRefine((path, context) => {
  const message = faultOfSitePath(path);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});

/** One that clients do not send matches nothing, or only what goes round another site. */
function faultOfSitePath(path: string): string | undefined {
  if (!/^\/(?:[!-"$->@-[\]-~]*\/)?$/.test(path))
    return 'expected a path as clients send it, that begins and ends with a slash';
  if (/\/\.{0,2}\//.test(path)) return 'expected a path without empty segments, . and ..';
  if (/%(?![\dA-F]{2})/.test(path) || (path.includes('%') && decodedSitePath(path) === path))
    return 'expected UTF-8 behind each %, in upper-case digits, as %C3%A9';
  const needless = path.match(/%\w{2}/g)?.find((each) => isNeedless(Number.parseInt(each.slice(1), 16)));
  return needless === undefined ? undefined : `expected no ${needless}, which clients do not encode`;
}

// Unreserved characters (RFC 3986 2.3), and those that no segment has.
function isNeedless(code: number): boolean {
  return code < 0x20 || code === 0x7f || /[\w.~/\\-]/.test(String.fromCharCode(code));
}

/** With percent-encoding undone, where it can be. */
export function decodedSitePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
