// Tables: what came of so many deaths, in lines of columns.

import type { Death } from './victims.ts';

/** Sums of what came of them, by what `by` says of each. */
export function tableOf(deaths: Death[], title: string, by: (death: Death) => string): string {
  const rows = new Map<string, number[]>();
  for (const death of deaths) {
    const row = rows.get(by(death)) ?? [0, 0, 0, 0, 0, 0];
    const { acknowledged, made, unmade, orphans, fault } = death;
    const counts = [1, acknowledged, made, unmade, orphans, Number(fault !== undefined)];
    for (const [i, count] of counts.entries()) row[i] = (row[i] ?? 0) + count;
    rows.set(by(death), row);
  }
  const heads = ['times', 'acknowledged', 'found made', 'not made', 'orphans', 'faults'];
  const width = Math.max(title.length, ...[...rows.keys()].map((name) => name.length)) + 2;
  const lines = [...rows]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, counts]) => line(name, width, counts));
  return [line(title, width, heads), ...lines].join('\n');
}

function line(name: string, width: number, columns: (string | number)[]): string {
  return name.padEnd(width) + columns.map((column) => String(column).padStart(14)).join('');
}

/** The call of a death, without the file. */
export function callOf({ hit = 'none' }: Death): string {
  return hit.replace(/DIGEST|UUID[0-9a-f]{28}|UUID|\d{13}/g, '*').replace(/\/[0-9a-f]{2}(?=\/|$)/g, '/ab');
}

/** What is not as it has to be, at most so much that it can be read. */
export function faultsOf(deaths: Death[]): string[] {
  return deaths.flatMap(({ fault = [] }) => fault).slice(0, 20);
}
