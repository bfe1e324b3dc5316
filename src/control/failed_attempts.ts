// FailedAttempts: unknown tokens in the current minute, counted for each client, so that one who guesses
// does not have others turned away.

import { isIPv6 } from 'node:net';

/** Failed attempts of a client that are answered in a minute; further ones are turned away unread. */
const most = 60;
/** Clients that are told apart in a minute, some 100 bytes each; those beyond count as one. */
const mostClients = 10_000;
const minute = 60_000;

export class FailedAttempts {
  readonly #now: () => number;
  readonly #counts = new Map<string, number>();
  #minute = 0;

  /** @param now milliseconds of a clock that only goes forward. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * Counts one. True when the client has had too many.
   * @param address undefined: a unix socket's, where all peers are one.
   */
  add(address: string | undefined): boolean {
    const current = Math.floor(this.#now() / minute);
    if (current !== this.#minute) this.#counts.clear();
    this.#minute = current;
    const named = address === undefined ? 'unix' : clientAt(address);
    const client = this.#counts.has(named) || this.#counts.size < mostClients ? named : 'further';
    const count = (this.#counts.get(client) ?? 0) + 1;
    this.#counts.set(client, count);
    return count > most;
  }
}

/** An IPv6 network of /64 is one client: its addresses are for whoever is on it to choose. */
export function clientAt(address: string): string {
  if (!isIPv6(address)) return address;
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [front = '', back] = address.split('%')[0]?.split('::') ?? [];
  const groups = (text: string | undefined) => (text ? text.split(':') : []);
  const [first, last] = [groups(front), groups(back)];
  // A dotted end stands for two groups, and is never within the first four unless it is all there is.
  const width = [...first, ...last].reduce((sum, group) => sum + (group.includes('.') ? 2 : 1), 0);
  const zeros = back === undefined ? 0 : 8 - width;
  const all = [...first, ...Array(zeros).fill('0'), ...last];
  return all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
