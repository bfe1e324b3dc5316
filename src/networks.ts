// Networks: IP addresses with the number of their leading bits that count.

import { isIPv4 } from 'node:net';

/** The network without the bits behind its length; undefined: none of them is set. @param text is one. */
export function withoutHostBits(text: string): string | undefined {
  const [address = '', length = ''] = text.split('/');
  if (length === '') return undefined;
  const bits = bitsOf(address);
  const kept = bits.slice(0, Number(length)).padEnd(bits.length, '0');
  return kept === bits ? undefined : `${textOf(kept)}/${length}`;
}

function bitsOf(address: string): string {
  if (isIPv4(address)) return binary(address.split('.'), 10, 8);
  // As a host of a URL it is in lower-case hex, with one gap.
  const [before = [], after] = new URL(`http://[${address}]/`).hostname
    .slice(1, -1)
    .split('::')
    .map((part) => (part === '' ? [] : part.split(':')));
  const gap = Array.from({ length: 8 - before.length - (after?.length ?? 0) }, () => '0');
  return binary([...before, ...gap, ...(after ?? [])], 16, 16);
}

function binary(parts: readonly string[], radix: number, bits: number): string {
  return parts.map((part) => Number.parseInt(part, radix).toString(2).padStart(bits, '0')).join('');
}

function textOf(bits: string): string {
  const isV4 = bits.length === 32;
  const parts = bits.match(isV4 ? /.{8}/g : /.{16}/g) ?? [];
  const numbers = parts.map((part) => Number.parseInt(part, 2));
  if (isV4) return numbers.join('.');
  const hex = numbers.map((each) => each.toString(16)).join(':');
  return new URL(`http://[${hex}]/`).hostname.slice(1, -1);
}
