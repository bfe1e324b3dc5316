// Server: one of the compared servers, running. Each listens on loopback, once plain and once with TLS 1.3,
// with one process or thread at work where that can be chosen, and logs no requests.

import { accepting, type Child, freePort, isRunning, messages, startPinned, stop } from '../processes.ts';
import { type Site, serverCore } from '../site.ts';

export type Protocol = 'plain' | 'tls';

export interface Address {
  port: number;
  path: string;
}

export interface Server {
  name: string;
  /** The process that was started; others may be its children. Throws when it is not running. */
  pid(): number;
  /** Where a file of the site is. */
  address(file: string, protocol: Protocol): Address;
  stop(): Promise<void>;
}

/** What is to be served and how; a rejection says why the server cannot run here. */
export type Start = (site: Site) => Promise<Server>;

export interface Ports {
  plain: number;
  tls: number;
}

export async function freePorts(): Promise<Ports> {
  return { plain: await freePort(), tls: await freePort() };
}

/** A server that has its files at /NAME of two ports which it was told. */
export async function startOnPorts(
  name: string,
  ports: Ports,
  command: string[],
  home = '',
): Promise<Server> {
  const child = startPinned(serverCore, command, home === '' ? {} : { HOME: home });
  await accepting(ports.plain, child);
  await accepting(ports.tls, child);
  return serverOf(name, child, (file, protocol) => ({ port: ports[protocol], path: `/${file}` }));
}

export function serverOf(name: string, child: Child, address: Server['address']): Server {
  const pid = () => {
    if (child.pid === undefined || !isRunning(child))
      throw new Error(`${name}: ended by itself; see ${messages}`);
    return child.pid;
  };
  return { name, pid, address, stop: () => stop(child) };
}
