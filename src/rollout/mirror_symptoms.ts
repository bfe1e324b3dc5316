// Symptoms of mirrors: upstreams that fail or lie, and bounds that are too tight for what is asked.

import { valuesUnder } from './samples.ts';
import type { Rule } from './symptom.ts';

/** Of the bound, evicted within the window: then all of it is another in less than an hour. */
const turnedOver = 0.1;

const leftAlone: Rule = ({ totals }) => {
  const open = Object.entries(valuesUnder(totals, 'upstream_circuit_open.')).filter(([, is]) => is === 1);
  if (open.length === 0) return undefined;
  return {
    family: 'D',
    name: 'upstream-left-alone',
    seen: `left alone after failures in a row: ${open.map(([name]) => name).join(', ')}`,
    cause: 'The upstream cannot be reached, answers with errors or too late. What is kept is sent meanwhile.',
    remedy:
      'look for "an upstream fails and is left alone" in the log, which says why; "offline": true in the ' +
      'configuration of the upstream sends what is kept, however old',
  };
};

const otherBytes: Rule = ({ counts }) => {
  const lied = Object.entries(valuesUnder(counts, 'upstream_mismatches.')).filter(([, count]) => count > 0);
  if (lied.length === 0) return undefined;
  return {
    family: 'D',
    name: 'upstream-other-bytes',
    seen: `bodies with other digests than promised: ${lied.map(([name, n]) => `${n} of ${name}`).join(', ')}`,
    cause:
      'The upstream, or what is between, changed the bytes. Their readers were cut, and nothing is kept.',
    remedy: 'look for "an object of a mirror was not kept" in the log, and compare with another way to it',
  };
};

const thrashes: Rule = ({ counts, totals }) => {
  const bounds = valuesUnder(totals, 'mirror_most_bytes.');
  const evicted = valuesUnder(counts, 'mirror_evicted_bytes.');
  const found = Object.entries(bounds).filter(([bucket, most]) => (evicted[bucket] ?? 0) > most * turnedOver);
  if (found.length === 0) return undefined;
  const said = found.map(
    ([bucket, most]) => `${bucket} (${Math.round(((evicted[bucket] ?? 0) / most) * 100)} %)`,
  );
  return {
    family: 'D',
    name: 'mirror-thrashes',
    seen: `evicted within the window, of what may be kept: ${said.join(', ')}`,
    cause: 'More is asked for than the bound lets a mirror keep: objects go before they are asked for again.',
    remedy: 'raise mirror.maxBytes of the site, or give what is large and asked for once a site of its own',
  };
};

export const mirrorRules: Rule[] = [leftAlone, otherBytes, thrashes];
