// ServerSockets: the sockets of the server's listeners, which the process has from its start to its end.
// Workers come and go, and borrow them.

import { addon, type BoundListener, type ListenerOptions, type ListeningSockets } from '../native/addon.ts';

export interface ServerSockets {
  table: ListeningSockets;
  workers: number;
  /** With the actual ports. */
  listeners: BoundListener[];
}

/**
 * Nobody can connect before the table listens. Throws when an address cannot be bound.
 * @param table with sockets that were given to the process.
 */
export function openSockets(
  listeners: readonly ListenerOptions[],
  workers: number,
  table: ListeningSockets = addon.listeningSockets(),
): ServerSockets {
  try {
    const bound = listeners.map((listener, index) => {
      const name = nameOf(listener, listeners.slice(0, index));
      const v6Only = leavesV4(listener, listeners);
      const { host, port, path } = table.open({ ...noPath, ...listener, name, v6Only, sockets: workers });
      return { ...listener, name, host, port, path };
    });
    return { table, workers, listeners: bound };
  } catch (cause) {
    table.close();
    throw cause;
  }
}

// A listener without a name of its own has its address for one. Several of port 0 are told apart by their
// order.
function nameOf(listener: ListenerOptions, before: readonly ListenerOptions[]): string {
  if (listener.name !== undefined) return listener.name;
  const address = addressOf(listener);
  const twins = before.filter((each) => addressOf(each) === address).length;
  return `${address}${twins === 0 ? '' : ` ${twins + 1}`}`;
}

export function addressOf({ host, port, path }: Pick<ListenerOptions, 'host' | 'port' | 'path'>): string {
  return path ? `unix:${path}` : `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** What the socket of the control plane is called. */
export const controlName = 'control';

/** What a listener on a host has in place of the settings of a path. */
const noPath = { path: '', mode: 0o600, owner: '' };

type Place = Pick<ListenerOptions, 'host' | 'port'>;

/** Whether another listener of the same port takes IPv4, which [::] would take otherwise. */
export function leavesV4({ host, port }: Place, all: readonly Place[]): boolean {
  const isV6 = (address: string) => address.includes(':');
  return isV6(host) && port !== 0 && all.some((other) => other.port === port && !isV6(other.host));
}
