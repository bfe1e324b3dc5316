// Table: the rows of a scenario as text, and the verdicts about the bars.

import type { Row, Verdict } from './results.ts';
import type { Scenario } from './scenarios/scenario.ts';

const columns = ['median', 'of nginx', 'range', 'CPU s/GiB', 'answers/s', 'p99 ms', 'busy'];
const width = 13;

export function tableOf({ name, about }: Scenario, rows: Row[]): string {
  const names = Math.max(...rows.map(({ server }) => server.length), 10) + 2;
  const unit = rows.find((row) => row.value !== undefined)?.unit ?? '';
  const nginx = rows.find(({ server }) => server === 'nginx')?.value;
  const heads = columns.map((column) => column.padStart(width)).join('');
  const lines = rows.map((row) => `  ${row.server.padEnd(names)}${figures(row, nginx)}`);
  return [`\n${name}: ${about}`, `  ${unit.padEnd(names)}${heads}`, ...lines].join('\n');
}

function figures(row: Row, nginx: number | undefined): string {
  if (row.value === undefined) return `  ${row.why ?? 'not measured'}`;
  const range = `${short(row.least ?? row.value)}..${short(row.most ?? row.value)}`;
  const ratio = nginx === undefined ? '' : (row.value / nginx).toFixed(2);
  const busy = row.busy === undefined ? '' : `${(row.busy * 100).toFixed(0)} %`;
  const rates = [row.perGiB, row.perSecond, row.p99].map((value) =>
    value === undefined ? '' : short(value),
  );
  return [short(row.value), ratio, range, ...rates, busy].map((text) => text.padStart(width)).join('');
}

/** Rounds to three significant digits. */
export function short(value: number): string {
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return value.toPrecision(3);
}

export function verdictsOf(verdicts: Verdict[]): string {
  const lines = verdicts.map(({ scenario, bar, verdict, measured }) => {
    const found = measured === undefined ? '' : `: ${short(measured)}`;
    return `  ${verdict.padEnd(14)}${scenario.padEnd(24)}${bar}${found}`;
  });
  return ['\nBars', ...lines].join('\n');
}
