// Mounts of a server: what each serves, and the table by which the engine finds the one that a request is for
// (native/server/mounts.h): the most specific host decides, then the longest path. What no mount of a host
// covers is looked for among those of less specific hosts, and last among those of all hosts.

import type { Handle } from '../engine/bridge.ts';
import { problem } from '../engine/plan.ts';
import type { EngineMount } from '../native/addon.ts';
import { engineCors } from './cors.ts';
import type { Mount, Protocol, Services } from './mount.ts';
import { negotiationOf } from './negotiation.ts';
import { cachingOf, withPolicy } from './policy.ts';

export interface Mounted {
  /** The application of the server: that of the mount that the engine found for a request. */
  handle: Handle;
  /** The mounts as the engine is told of them, with the ids by which it names them. */
  table: EngineMount[];
}

/** Throws when a mount cannot be, or two are in the same place. */
export function mounted(
  mounts: readonly Mount[],
  protocols: Readonly<Record<string, Protocol>>,
  services: Services,
): Mounted {
  const handles: Handle[] = [];
  const table = mounts.map((mount, index): EngineMount => {
    checkMount(mount);
    const { serve, parameters } = protocolOf(mount, protocols);
    const caching = cachingOf(mount);
    const negotiate = negotiationOf(mount, services);
    const its = { ...services, ...(caching && { caching }), ...(negotiate && { negotiate }) };
    handles.push(withPolicy(serve(its, mount), mount));
    const { host, path, site } = mount;
    const cors = site?.cors && engineCors(site.cors);
    const more = { ...(negotiate && { codings: true }), ...(cors && { cors }) };
    return { id: index + 1, host, path, openReads: services.openReads, parameters, ...more };
  });
  checkPlaces(mounts);
  const isServed = servedHosts(mounts);
  const unserved: Handle = ({ authority }) => problem(isServed(authority) ? 'not-found' : 'misdirected');
  return { handle: (request) => (handles[request.mount - 1] ?? unserved)(request), table };
}

/** Whether any configured site has this host. Where none is configured, every host is served. */
function servedHosts(mounts: readonly Mount[]): (authority: string) => boolean {
  const hosts = new Set(mounts.flatMap(({ site }) => (site ? [site.host] : [])));
  if (hosts.size === 0 || hosts.has('*')) return () => true;
  return (authority) => {
    // As the engine compares them (native/server/mounts.cc).
    const host = authority.replace(/:\d*$/, '').replace(/\.$/, '').toLowerCase();
    if (hosts.has(host)) return true;
    const dots = [...host.matchAll(/\./g)].filter(({ index }) => index > 0);
    return dots.some(({ index }) => hosts.has(`*${host.slice(index)}`));
  };
}

function protocolOf(mount: Mount, protocols: Readonly<Record<string, Protocol>>): Protocol {
  const protocol = Object.hasOwn(protocols, mount.protocol) ? protocols[mount.protocol] : undefined;
  if (protocol) return protocol;
  const known = Object.keys(protocols).join(', ');
  throw new Error(`A mount at ${mount.path}: there is no protocol ${mount.protocol}; there is ${known}.`);
}

const hostPattern = /^(?:\*|(?:\*\.)?[a-z0-9]+(?:(?:\.|-+)[a-z0-9]+)*|\[[0-9a-f:.]+\])$/;

/** Compared with targets as they are sent: without a query, and encoded where they are. */
const pathPattern = /^\/(?:[!-"$->@-~]*\/)?$/;

function checkMount({ host, path }: Mount): void {
  if (!hostPattern.test(host))
    throw new Error(`A mount at host ${host}: expected a name in lower case, *.name or *, without a port.`);
  if (!pathPattern.test(path))
    throw new Error(
      `A mount at ${path}: expected a path as clients send it, that begins and ends with a slash.`,
    );
}

function checkPlaces(mounts: readonly Mount[]): void {
  const places = new Set<string>();
  for (const { host, path } of mounts) {
    if (places.has(host + path))
      throw new Error(`Two mounts at host ${host} and path ${path}; leave one out.`);
    places.add(host + path);
  }
}
