// The sockets that the server has from its start: those that a service manager made and passed on, and those
// that it makes; and the user that it becomes once it has them.

import { accessSync, constants } from 'node:fs';
import type { Config } from '../config/config.ts';
import type { ControlSocket } from '../control/listener.ts';
import { controlName, openSockets, type ServerSockets } from '../engine/server_sockets.ts';
import { addon, type ListeningSockets, type OpenListener } from '../native/addon.ts';

/**
 * Nobody can connect yet to a socket that is made. Throws when one cannot be had, or a passed one fits no
 * listener. From here on the process is the user that the configuration names.
 * @param closers run also when this throws.
 * @param table with sockets of the server that this one replaces.
 */
export function openServerSockets(
  config: Config,
  closers: (() => void)[],
  table: ListeningSockets = addon.listeningSockets(),
): ServerSockets {
  closers.push(() => table.close());
  table.takePassed(passedVariables());
  openControl(config, table);
  const listeners = config.listeners.map((each) => (each.path ? { owner: config.user, ...each } : each));
  const sockets = openSockets(listeners, config.workers, table);
  const [left] = table.left();
  if (left) throw new Error(fitsNone(left));
  if (config.user !== '') becomeUser(config);
  return sockets;
}

// They are removed, so that no child takes the sockets for its own.
function passedVariables(): Parameters<ListeningSockets['takePassed']>[0] {
  const { LISTEN_PID: pid = '', LISTEN_FDS: count = '', LISTEN_FDNAMES: names = '' } = process.env;
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete process.env[name];
  return { process: pid, count, names };
}

// What the user may not do is said here, with its remedy, and not when the first request meets it.
function becomeUser({ user, store, tls, listeners, auth }: Config): void {
  try {
    addon.becomeUser(user);
  } catch (cause) {
    throw new Error(`user: ${user}: ${(cause as Error).message}`, { cause });
  }
  const pairs = listeners.some((each) => each.tls) ? [tls, ...tls.certificates] : [];
  const files = pairs.flatMap(({ certificate, key }) => [certificate, key]);
  const mayWrite = may(store, constants.R_OK | constants.W_OK | constants.X_OK);
  const faults = [
    ...(mayWrite ? [] : [`write to the store ${store}`]),
    ...[...files, auth.tokens].filter((path) => !may(path, constants.R_OK)).map((path) => `read ${path}`),
  ];
  if (faults.length > 0)
    throw new Error(
      `user: ${user} may not ${faults.join(', nor ')}; give it the right to with chown or chmod`,
    );
}

// What is not there is reported where it is opened.
function may(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch (error) {
    return path === '' || (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}

/** Where the control plane listens, as listeners say it. */
export function controlPlace({ listen }: Config['control']) {
  const { host, port, path } = { host: 'unix:', port: 0, path: '', ...listen };
  return { name: controlName, host, port, path };
}

/** A further descriptor of the socket of the control plane, and its address with the actual port. */
export function controlSocket({ table }: ServerSockets, { control }: Config): ControlSocket {
  const bound = table.all().find(({ name }) => name === controlName);
  const { listen } = control;
  const address = 'path' in listen ? listen : { ...listen, port: bound?.port ?? listen.port };
  return { address, descriptor: table.duplicate(controlName) };
}

function openControl({ control, user }: Config, table: ListeningSockets): void {
  const place = controlPlace(control);
  const owner = place.path === '' ? '' : user;
  try {
    table.open({ ...place, mode: 0o600, owner, v6Only: false, sockets: 1 });
  } catch (cause) {
    throw new Error(`control.listen: ${(cause as Error).message}`, { cause });
  }
}

function fitsNone({ name, host, port, path }: OpenListener): string {
  const at = path === '' ? `${host} port ${port}` : `unix:${path}`;
  return (
    `the service manager passed the socket ${at} (${name || 'without a name'}), which is no listener's: ` +
    'give one of listeners this address, or the name that FileDescriptorName= says, or take the socket out ' +
    'of its unit'
  );
}
