// The names below a folder as HTML, in the form of nginx's autoindex, which wget --mirror, lftp and rclone's
// http remote read.

import type { EngineRequest } from '../../engine/engine_request.ts';
import { type Decision, respond } from '../../engine/plan.ts';
import { SealgateError } from '../../errors.ts';
import { encodedPath } from '../../redirects.ts';
import type { Listing } from '../../store/store.ts';
import type { WebTarget } from './target.ts';
import type { WebSite } from './web_site.ts';

/** Names of one page: tools that read listings do not follow the link to the next one. */
const maxEntries = 5000;
/** Pages of the store that are looked at for one page of HTML: each passes up to 2000 keys. */
const maxPages = 20;
const maxAfterCharacters = 1024;
/** Characters of a name that are shown; the link has all of them. As nginx has it. */
const shownCharacters = 50;

interface Entry {
  name: string;
  /** Milliseconds since the epoch, and bytes; undefined: a folder. */
  file?: { date: number; size: number };
}

/** Undefined: there is no such folder. Throws `query-invalid`. */
export async function listing(
  { services, bucket, prefix }: WebSite,
  request: EngineRequest,
  { path, name }: WebTarget,
): Promise<Decision | undefined> {
  const base = `${prefix}${name === '' ? '' : `${name}/`}`;
  const asked = request.query.get('after') ?? '';
  if (asked.length > maxAfterCharacters)
    throw new SealgateError('query-invalid', `after: at most ${maxAfterCharacters} characters.`);
  const entries: Entry[] = [];
  let next: string | undefined = asked === '' ? '' : base + asked;
  for (let pages = 0; next !== undefined && pages < maxPages && entries.length < maxEntries; pages++) {
    const page: Listing = await services.objects.list(bucket, {
      prefix: base,
      delimiter: '/',
      after: next,
      limit: 1000,
    });
    entries.push(...entriesOf(page, base));
    next = page.next;
  }
  if (entries.length === 0 && next === undefined && name !== '' && asked === '') return undefined;
  const html = htmlOf(path, entries, next?.slice(base.length));
  return respond(
    200,
    [
      ['Content-Type', 'text/html; charset=utf-8'],
      ['Cache-Control', 'no-cache'],
      ['Content-Security-Policy', "default-src 'none'"],
      ['X-Content-Type-Options', 'nosniff'],
    ],
    html,
  );
}

function entriesOf({ entries, prefixes }: Listing, base: string): Entry[] {
  return [
    ...prefixes.map((each) => ({ name: each.slice(base.length) })),
    ...entries.map(({ name, size, date, created }) => ({
      name: name.slice(base.length),
      file: { date: date ?? created, size },
    })),
  ];
}

function htmlOf(path: string, entries: Entry[], next: string | undefined): string {
  const title = `Index of ${escaped(path)}`;
  const up = path === '/' ? '' : '<a href="../">../</a>\n';
  const lines = [...entries].sort(foldersFirst).map(lineOf).join('');
  const more = next === undefined ? '' : `<a href="?after=${encodeURIComponent(next)}">more</a>\n`;
  return (
    `<!DOCTYPE html>\n<html>\n<head><meta charset="utf-8"><title>${title}</title></head>\n<body>\n` +
    `<h1>${title}</h1><hr><pre>${up}${lines}${more}</pre><hr></body>\n</html>\n`
  );
}

function foldersFirst(one: Entry, other: Entry): number {
  return Number(one.file !== undefined) - Number(other.file !== undefined);
}

function lineOf({ name, file }: Entry): string {
  const isLong = name.length > shownCharacters;
  const shown = isLong ? `${[...name].slice(0, shownCharacters - 3).join('')}..>` : name;
  const pad = ' '.repeat(Math.max(1, shownCharacters + 1 - shown.length));
  const date = file ? dateOf(file.date) : ' '.repeat(17);
  const about = `${date} ${String(file?.size ?? '-').padStart(19)}`;
  return `<a href="${encodedPath(name)}">${escaped(shown)}</a>${pad}${about}\n`;
}

// As nginx has it: 27-Nov-2026 11:17, in UTC.
function dateOf(milliseconds: number): string {
  const [, day = '', month = '', year = '', time = ''] =
    /, (\d\d) (\w{3}) (\d{4}) (\d\d:\d\d)/.exec(new Date(milliseconds).toUTCString()) ?? [];
  return `${day}-${month}-${year} ${time}`;
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (each) => entities[each] ?? each);
}
