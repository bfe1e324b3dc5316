// Sessions: which run of an encoder the names of a point belong to. A manifest leads one: what it lists, or
// of DASH what is below its folder, is written once in it. One run at a time leads; another one, of the same
// encoder after a restart or of a second encoder, follows when it has gone silent (docs/live.md).

import { createHash } from 'node:crypto';
import * as z from 'zod';
import { setNewest } from '../../newest_map.ts';
import type { ObjectFields } from '../../object_fields.ts';
import { endOf, type Manifest } from './manifest.ts';
import { recordIn, recordOf } from './recorded.ts';

/** Manifests of a point whose sessions are known. Those of the oldest are found again in the store. */
const mostSessions = 1000;
/** Milliseconds that a session is never over in, however short its segments are. */
const leastSilence = 1500;
/** Silence for more segments than so many is the end (rfc8216bis 6.2.1). */
const silentSegments = 1.5;

/** Recorded with a manifest, so that the session goes on when the server is started anew. */
const recordedSession = z.object({
  /** Names that were written before then may be written anew. Milliseconds since the epoch. */
  began: z.number(),
  /** The number behind that of the last segment, and a digest of what the manifest says of that one. */
  end: z.number(),
  last: z.string(),
  /** Milliseconds from one segment to the next, at most. */
  pace: z.number(),
  isEnded: z.boolean(),
});

type Recorded = z.infer<typeof recordedSession>;

export interface Session extends Recorded {
  /** When its manifest last went ahead, by `performance.now()`. */
  seen: number;
  /** Whether `pace` is that of a playlist, which says it of all its segments. */
  isHls?: boolean;
  /** What came before its manifest has begun it. */
  isBegun?: boolean;
  /** Whether a name of the bucket belongs to it. */
  covers(name: string): boolean;
}

/** behind: the session that leads has not ended, and this manifest is not its next one. */
export type Verdict = 'continues' | 'begins' | 'behind';

export class Sessions {
  /** By the name of the manifest; what changed last is the last. */
  readonly #led = new Map<string, Session>();

  /** Those that a name belongs to: HLS and DASH may share segments. */
  covering(name: string): Session[] {
    return [...this.#led.values()].filter((session) => session.covers(name));
  }

  of(manifest: string): Session | undefined {
    return this.#led.get(manifest);
  }

  keep(manifest: string, session: Session): void {
    setNewest(this.#led, manifest, session, mostSessions);
  }

  /** The manifest was deleted. */
  end(manifest: string): void {
    const session = this.#led.get(manifest);
    if (session) session.isEnded = true;
  }
}

function isOver({ isEnded, seen, pace }: Pick<Session, 'isEnded' | 'seen' | 'pace'>): boolean {
  return isEnded || performance.now() - seen > silenceOf(pace);
}

/** Whether other bytes begin another one: not where one has just begun that has no manifest yet. */
export function isFree(session: Session): boolean {
  const { isBegun, seen, pace } = session;
  return isOver(isBegun ? { isEnded: false, seen, pace } : session);
}

/** Milliseconds without news after which a session is over. */
export function silenceOf(pace: number): number {
  return Math.max(leastSilence, pace * silentSegments);
}

/** Something of another run came first: from now on its names are free, and any manifest leads. */
export function beginAnew(sessions: Iterable<Session>): void {
  const its = { began: Date.now(), isEnded: true, isBegun: true, seen: performance.now() };
  for (const session of sessions) Object.assign(session, its);
}

/**
 * @param isContested it lists names that other bytes were sent for: an encoder that was started anew has come
 *   as far as the one before.
 */
export function verdictOn(led: Session | undefined, come: Manifest, isContested: boolean): Verdict {
  if (!led) return 'begins';
  if (isNextOf(led, come) && !(isContested && isOver(led))) return 'continues';
  return isOver(led) ? 'begins' : 'behind';
}

function isNextOf({ end, last }: Session, come: Manifest): boolean {
  // An MPD that is static need not say when its presentation began.
  if (come.format === 'dash')
    return (come.isEnded && come.names[0] === '') || digestOf(come.names[0]) === last;
  const isAhead = endOf(come) >= end;
  const isJoined = come.first === end || digestOf(come.names[end - 1 - come.first]) === last;
  return isAhead && isJoined;
}

/** What is known of the session after a manifest of it. */
export function after(
  led: Session | undefined,
  come: Manifest,
  { began, covers }: Pick<Session, 'began' | 'covers'>,
): Session {
  const { format, isEnded, pace } = come;
  const end = endOf(come);
  // An MPD that says how names are made need not change while segments come.
  const isNews = !led || led.isBegun || format === 'dash' || end !== led.end || began !== led.began;
  const seen = isNews ? performance.now() : led.seen;
  const last = format === 'dash' && isEnded && led ? led.last : digestOf(come.names.at(-1));
  return { began, end, last, pace, isEnded, seen, covers, isHls: format === 'hls' };
}

/** What is recorded with a manifest of the session. */
export function sessionRecord({ began, end, last, pace, isEnded }: Session): Record<string, string> {
  const recorded: Recorded = { began, end, last, pace, isEnded };
  return recordOf('session', recorded);
}

/** Whoever led when the server ended has had no chance to go ahead since: that counts from now on. */
export function recordedIn(fields: ObjectFields | undefined, covers: Session['covers']): Session | undefined {
  const data = recordIn(fields, 'session', recordedSession);
  return data && { ...data, seen: performance.now(), covers };
}

function digestOf(name: string | undefined): string {
  return createHash('sha256')
    .update(name ?? '')
    .digest('hex')
    .slice(0, 16);
}
