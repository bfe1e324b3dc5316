// The sockets that the server has from its start: those that a service manager made and passed on, and those
// that it makes.

import type { Config } from '../config.ts';
import { controlUrl } from '../control_address.ts';
import { noPath, openSockets, type ServerSockets } from '../engine/server_sockets.ts';
import { addon, type ListeningSockets, type OpenListener } from '../native/addon.ts';

/** What the socket of the control plane is called. */
const controlName = 'control';

/**
 * Nobody can connect yet to a socket that is made. Throws when one cannot be had, or a passed one fits no
 * listener.
 */
export function openServerSockets(config: Config): ServerSockets {
  const table = addon.listeningSockets();
  try {
    table.takePassed();
    openControl(config, table);
    const sockets = openSockets(config.listeners, config.workers, table);
    const [left] = table.left();
    if (left) throw new Error(fitsNone(left));
    return sockets;
  } catch (cause) {
    table.close();
    throw cause;
  }
}

/** A descriptor of the socket that was passed for the control plane; undefined: it makes its own. */
export function passedControl({ table }: ServerSockets): number | undefined {
  return table.all().some(({ name }) => name === controlName) ? table.duplicate(controlName) : undefined;
}

function openControl({ control, listeners }: Config, table: ListeningSockets): void {
  const { listen } = control;
  const where = 'path' in listen ? { host: 'unix:', port: 0, ...listen } : { ...listen, path: '' };
  const { host, port, path } = where;
  const isOurs = (each: OpenListener) =>
    each.name === controlName || (each.host === host && each.port === port && each.path === path);
  const passed = table.left().find(isOurs);
  if (!passed || listeners.some(({ name }) => name === passed.name)) return;
  if (process.versions.bun !== undefined)
    throw new Error(
      `control.listen: ${controlUrl(listen)}: Bun cannot take a socket that was passed to it; take it out ` +
        'of the socket unit, so that the server makes it, or run on Node or Deno',
    );
  table.open({ ...noPath, name: controlName, host, port, path, v6Only: false, sockets: 1 });
}

function fitsNone({ name, host, port, path }: OpenListener): string {
  const at = path === '' ? `${host} port ${port}` : `unix:${path}`;
  return (
    `the service manager passed the socket ${at} (${name || 'without a name'}), which is no listener's: ` +
    'give one of listeners this address, or the name that FileDescriptorName= says, or take the socket out ' +
    'of its unit'
  );
}
