// Formats quantities for people.

import type { KernelShare } from '../rollout/traffic.ts';

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

export function humanBytes(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1);
  const value = bytes / 1024 ** power;
  return `${power === 0 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

/** The number of bytes that a text like `500000` or `1.5GiB` says; undefined: it says none. */
export function bytesIn(text: string): number | undefined {
  const [, number, unit = 'B'] = /^(\d{1,16}(?:\.\d{1,3})?) ?([KMGTP]iB|B)?$/.exec(text) ?? [];
  if (unit === 'B' && number?.includes('.')) return undefined;
  const bytes = Number(number) * 1024 ** units.indexOf(unit);
  return Number.isSafeInteger(Math.round(bytes)) ? Math.round(bytes) : undefined;
}

/** For example: `37 % of 1.2 GiB sent by kernel TLS, none received over TLS`. */
export function shareText({ sent, received }: KernelShare): string {
  const part = ({ all, ratio }: KernelShare['sent'], how: string) =>
    ratio === undefined
      ? `nothing ${how} over TLS`
      : `${percentOf(ratio)} of ${humanBytes(all)} ${how} over TLS by the kernel`;
  return `${part(sent, 'sent')}, ${part(received, 'received')}`;
}

/** Rounds so that 0 % and 100 % appear only for exact values. */
function percentOf(ratio: number): string {
  if (ratio > 0 && ratio < 0.001) return 'under 0.1 %';
  if (ratio < 1 && ratio > 0.999) return 'over 99.9 %';
  return `${Number((ratio * 100).toFixed(1))} %`;
}

export function minutes(seconds: number): string {
  return seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}
