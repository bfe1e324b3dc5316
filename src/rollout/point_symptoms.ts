// Symptoms of publishing points: encoders that are refused, or silent. Packagers look at no status, so nobody
// else says it.

import type { Rule } from './symptom.ts';

/** Seconds without a segment after which a point is named, and after which it is another day's stream. */
const [silentAfter, forgottenAfter] = [30, 86_400];
/** Points that are named. */
const mostNamed = 5;

const segmentsRefused: Rule = ({ counts }) => {
  const taken = counts['problems.segment-taken'] ?? 0;
  const behind = counts['problems.playlist-behind'] ?? 0;
  if (taken + behind === 0) return undefined;
  return {
    family: 'D',
    name: 'segments-refused',
    seen: `publishing points refused ${taken} segments and ${behind} playlists with 409`,
    cause:
      'A second encoder pushes to a channel, or one was started anew and the session before still leads.',
    remedy:
      'look for "an upload to a publishing point was refused" in the log, and at ' +
      'sealgate_point_refused_uploads_total; docs/live.md says which encoder leads',
  };
};

const pointStale: Rule = ({ points = [] }) => {
  const age = ({ totals }: (typeof points)[number]) => totals.newest_age ?? 0;
  const stale = points.filter((each) => age(each) > silentAfter && age(each) < forgottenAfter);
  if (stale.length === 0) return undefined;
  const named = stale.slice(0, mostNamed).map((each) => `${each.name} for ${Math.round(age(each))} s`);
  const more = stale.length > mostNamed ? ` and ${stale.length - mostNamed} more` : '';
  return {
    family: 'D',
    name: 'point-stale',
    seen: `no segment came to a stream that has not ended: ${named.join(', ')}${more}`,
    cause: 'The encoder has stopped without an end of its playlist, cannot connect, or is refused.',
    remedy: 'look at the encoder, and in the access log for its last requests',
  };
};

export const pointRules: Rule[] = [segmentsRefused, pointStale];
