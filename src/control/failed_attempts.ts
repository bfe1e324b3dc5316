// FailedAttempts: counts wrong tokens per client and minute, so that a client that guesses does not lock out
// others.

import { isIPv6 } from 'node:net';

/** Wrong tokens of a client per minute that get a 401 response; further attempts get 429. */
const most = 60;
/** Most clients counted separately in a minute, some 100 bytes each; those beyond share one count. */
const mostClients = 10_000;
const minute = 60_000;

export class FailedAttempts {
  readonly #now: () => number;
  readonly #counts = new Map<string, number>();
  #minute = 0;

  /** @param now milliseconds of a monotonic clock. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * Counts a wrong token. True when the client has sent too many.
   * @param address undefined for a unix socket, whose peers are counted as one client.
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

/** An IPv6 /64 network is one client, because whoever has the network can choose any address in it. */
export function clientAt(address: string): string {
  if (!isIPv6(address)) return address;
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [front = '', back] = address.split('%')[0]?.split('::') ?? [];
  const groups = (text: string | undefined) => (text ? text.split(':') : []);
  const [first, last] = [groups(front), groups(back)];
  // A dotted end (IPv4) is two groups, and never within the first four unless it is the whole address.
  const width = [...first, ...last].reduce((sum, group) => sum + (group.includes('.') ? 2 : 1), 0);
  const zeros = back === undefined ? 0 : 8 - width;
  const all = [...first, ...Array(zeros).fill('0'), ...last];
  return all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
