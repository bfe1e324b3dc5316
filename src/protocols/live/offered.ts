// The playlist that players get of one that was pushed: with a tag that says they may wait for the next
// segment, and for who asks for it, without old segments. Nothing else is added (rfc8216bis 4.4.3.8 and
// 6.2.5.1).

import { type Manifest, serverControl } from './manifest.ts';

/** Segments that have to be left when old ones are left out (rfc8216bis 4.4.3.8). */
const leastLeft = 6;

/** @param text of a playlist that is not ended. */
export function withWaiting(text: string, { names, pace, reload }: Manifest): string {
  if (!reload || reload.canBlock) return text;
  const at = text.startsWith(serverControl) ? 0 : text.indexOf(`\n${serverControl}`) + 1;
  const lineEnd = /\r?\n/.exec(text)?.[0] ?? '\n';
  if (at > 0) {
    const end = endOfLine(text, at);
    return `${text.slice(0, end)},CAN-BLOCK-RELOAD=YES${text.slice(end)}`;
  }
  const isLong = names.length >= 2 * leastLeft;
  const skip = isLong ? `,CAN-SKIP-UNTIL=${((leastLeft * pace) / 1000).toFixed(1)}` : '';
  const end = endOfLine(text, 0);
  return `${text.slice(0, end)}${lineEnd}${serverControl}CAN-BLOCK-RELOAD=YES${skip}${text.slice(end)}`;
}

/** Behind the last character of a line that begins there. */
function endOfLine(text: string, at: number): number {
  const newline = text.indexOf('\n', at);
  const end = newline < 0 ? text.length : newline;
  return text[end - 1] === '\r' ? end - 1 : end;
}

/** Tags of the playlist itself end with the first that belongs to a segment (rfc8216bis 4.4.4, 4.4.5). */
const ofSegments =
  /^#EXT(?:INF|-X-(?:BYTERANGE|DISCONTINUITY|KEY|MAP|PROGRAM-DATE-TIME|GAP|BITRATE|PART|DATERANGE)):?/;
const discontinuitySequence = '#EXT-X-DISCONTINUITY-SEQUENCE';
/** Tags of what was left out that have to stay, as the playlist asks for it alone. */
const dateRange = '#EXT-X-DATERANGE:';
const version = '#EXT-X-VERSION:';
/** The first version of the format with EXT-X-SKIP. */
const leastVersion = 9;

/**
 * The playlist without its old segments, and how many they are told to be.
 * @param skipUntil milliseconds before its end, up to which segments may be left out.
 */
export function withoutOld(text: string, skipUntil: number): string {
  const lines = text.split('\n').map((line) => line.trimEnd());
  const begin = lines.findIndex((line) => isOfSegment(line) || isName(line));
  if (begin < 0) return text;
  const { skipped, from } = oldOf(lines, begin, skipUntil);
  if (skipped === 0) return text;
  const head = versioned(lines.slice(0, begin));
  const ranges = lines.slice(begin, from).filter((line) => line.startsWith(dateRange));
  return [...head, `#EXT-X-SKIP:SKIPPED-SEGMENTS=${skipped}`, ...ranges, ...lines.slice(from)].join('\n');
}

function isOfSegment(line: string): boolean {
  return ofSegments.test(line) && !line.startsWith(discontinuitySequence);
}

function isName(line: string): boolean {
  return line !== '' && !line.startsWith('#');
}

/** How many segments end before the boundary, and which line is behind them. */
function oldOf(
  lines: readonly string[],
  begin: number,
  skipUntil: number,
): { skipped: number; from: number } {
  let left = 0;
  let skipped = 0;
  let from = begin;
  const ends: { line: number; duration: number }[] = [];
  let duration = 0;
  for (let line = begin; line < lines.length; line++) {
    const its = lines[line] ?? '';
    if (its.startsWith('#EXTINF:')) duration = Number.parseFloat(its.slice('#EXTINF:'.length)) * 1000 || 0;
    if (!isName(its)) continue;
    ends.push({ line, duration });
    left += duration;
  }
  for (const { line, duration: its } of ends) {
    left -= its;
    if (left < skipUntil) break;
    skipped += 1;
    from = line + 1;
  }
  return { skipped, from };
}

function versioned(head: readonly string[]): string[] {
  const said = head.findIndex((line) => line.startsWith(version));
  if (said < 0) return [...head.slice(0, 1), `${version}${leastVersion}`, ...head.slice(1)];
  const its = Number(head[said]?.slice(version.length));
  return head.map((line, at) => (at === said ? `${version}${Math.max(its || 0, leastVersion)}` : line));
}
