// Manifest: what a playlist or MPD that was pushed tells of the session of its encoder. Whatever is no media
// playlist and no live MPD is nothing to the server, and stored as it came.

/** Bytes; a longer one is stored unread. An hour of segments of two seconds has less than a tenth. */
export const mostManifestBytes = 4 * 1024 * 1024;

export interface Manifest {
  /** The number of the first of `names`. */
  first: number;
  /** What it lists, as it says it. Of an MPD: when its presentation began, which is another each time. */
  names: readonly string[];
  /** Init segments. */
  maps: readonly string[];
  /** An MPD is for all below its folder, as it lists nothing. */
  format: 'hls' | 'dash';
  isEnded: boolean;
  /** Milliseconds from one segment to the next, at most. */
  pace: number;
  /** When the end of the last segment was captured, in milliseconds since the epoch, where it says so. */
  capturedTo?: number | undefined;
  /** Of HLS. */
  reload?: Reloading;
}

/** What a media playlist says of how it is loaded again (rfc8216bis 4.4.3.7, 4.4.3.8). */
export interface Reloading {
  /** Parts of the segment that is not whole yet, and of the last that is. */
  parts: number;
  lastParts: number;
  /** Milliseconds; 0: it has no parts. */
  partPace: number;
  /** Whether players may ask for what comes next before it is there. */
  canBlock: boolean;
  /** Milliseconds before the end of the playlist, up to which segments may be left out; 0: none may. */
  skipUntil: number;
  /** Parts that are to come, which players ask for before they are there. */
  hints: readonly string[];
}

/** The number behind that of its last segment. */
export function endOf({ first, names }: Pick<Manifest, 'first' | 'names'>): number {
  return first + names.length;
}

export function manifestOf(text: string): Manifest | undefined {
  if (text.startsWith('#EXTM3U')) return playlistOf(text);
  const from = text.indexOf('<MPD');
  const to = from < 0 ? -1 : text.indexOf('>', from);
  return to < 0 || to - from > mostElement ? undefined : presentationOf(text.slice(from, to));
}

/** Characters of the first element of an MPD. */
const mostElement = 16 * 1024;

const sequence = '#EXT-X-MEDIA-SEQUENCE:';
const target = '#EXT-X-TARGETDURATION:';
const map = '#EXT-X-MAP:';
const part = '#EXT-X-PART:';
const partTarget = '#EXT-X-PART-INF:';
export const serverControl = '#EXT-X-SERVER-CONTROL:';
const hint = '#EXT-X-PRELOAD-HINT:';

function playlistOf(text: string): Manifest | undefined {
  const names: string[] = [];
  const maps: string[] = [];
  const reload = {
    parts: 0,
    lastParts: 0,
    partPace: 0,
    canBlock: false,
    skipUntil: 0,
    hints: [] as string[],
  };
  let [first, seconds, isEnded] = [0, 0, false];
  for (const each of text.split('\n')) {
    const line = each.trimEnd();
    if (line !== '' && !line.startsWith('#')) {
      names.push(line);
      [reload.lastParts, reload.parts] = [reload.parts, 0];
    } else if (line.startsWith(part)) reload.parts += 1;
    else if (line.startsWith(partTarget)) reload.partPace = millisecondsIn(line, 'PART-TARGET');
    else if (line.startsWith(serverControl)) {
      reload.canBlock = plainAttributeOf(line, 'CAN-BLOCK-RELOAD') === 'YES';
      reload.skipUntil = millisecondsIn(line, 'CAN-SKIP-UNTIL');
    } else if (line.startsWith(hint) && plainAttributeOf(line, 'TYPE') === 'PART') {
      if (reload.hints.length < mostHints) reload.hints.push(attributeOf(line, 'URI') ?? '');
    } else if (line.startsWith(sequence)) first = Number(line.slice(sequence.length));
    else if (line.startsWith(target)) seconds = Number(line.slice(target.length));
    else if (line.startsWith(map)) maps.push(attributeOf(line, 'URI') ?? '');
    else if (line === '#EXT-X-ENDLIST') isEnded = true;
  }
  const isMedia = Number.isSafeInteger(first) && first >= 0 && seconds > 0 && names.length > 0;
  if (!isMedia) return undefined;
  const capturedTo = capturedToIn(text);
  return { first, names, maps, format: 'hls', isEnded, pace: seconds * 1000, capturedTo, reload };
}

const date = '\n#EXT-X-PROGRAM-DATE-TIME:';
const duration = '#EXTINF:';

/** The last date is that of the segment behind it. */
function capturedToIn(text: string): number | undefined {
  const at = text.lastIndexOf(date);
  if (at < 0) return undefined;
  const [said = '', ...lines] = text.slice(at + date.length).split('\n');
  const durations = lines.filter((line) => line.startsWith(duration));
  const seconds = durations.reduce((sum, line) => sum + Number.parseFloat(line.slice(duration.length)), 0);
  const time = Date.parse(said.trim()) + seconds * 1000;
  return Number.isFinite(time) ? time : undefined;
}

/** A playlist has one of each type. */
const mostHints = 8;

function millisecondsIn(line: string, name: string): number {
  const seconds = Number(plainAttributeOf(line, name));
  return seconds > 0 && seconds <= mostSeconds ? seconds * 1000 : 0;
}

const mostSeconds = 86_400;

/** An attribute without quotation marks. */
function plainAttributeOf(line: string, name: string): string | undefined {
  const all = line.slice(line.indexOf(':') + 1).split(',');
  return all
    .find((each) => each.trim().startsWith(`${name}=`))
    ?.trim()
    .slice(name.length + 1);
}

/** Of an MPD that does not say how long its segments are. */
const usualPace = 10_000;

function presentationOf(element: string): Manifest | undefined {
  const start = attributeOf(element, 'availabilityStartTime') ?? '';
  const isEnded = attributeOf(element, 'type') !== 'dynamic';
  const seconds = Number(/^PT([\d.]{1,20})S$/.exec(attributeOf(element, 'maxSegmentDuration') ?? '')?.[1]);
  const pace = seconds > 0 ? seconds * 1000 : usualPace;
  return { first: 0, names: [start], maps: [], format: 'dash', isEnded, pace };
}

function attributeOf(text: string, name: string): string | undefined {
  const key = `${name}="`;
  const at = text.indexOf(key);
  const to = at < 0 ? -1 : text.indexOf('"', at + key.length);
  return to < 0 ? undefined : text.slice(at + key.length, to);
}
