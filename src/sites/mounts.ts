// The table of mounts: the most specific host decides, then the longest path. What no mount of a host covers
// is looked for among those of less specific hosts, and last among those of all hosts.

import type { Handle } from '../engine/bridge.ts';
import type { EngineRequest } from '../engine/engine_request.ts';
import { type Answer, problem } from '../engine/plan.ts';
import type { Mount, Protocol, Services } from './mount.ts';

interface Served {
  mount: Mount;
  handle: Handle;
}

/**
 * The application of a server: that of the mount which each request is for.
 * Throws when a mount cannot be, or two are in the same place.
 */
export function mounted(
  mounts: readonly Mount[],
  protocols: Readonly<Record<string, Protocol>>,
  services: Services,
): Handle {
  mounts.forEach(checkMount);
  const served = mounts.map((mount) => ({ mount, handle: applicationOf(mount, protocols, services) }));
  served.sort(({ mount: one }, { mount: other }) => order(one, other));
  checkPlaces(served);
  const anyHost = served.every(({ mount }) => mount.host === '*');
  return (request) => {
    const host = anyHost ? '' : hostOf(request);
    const here = served.find(({ mount }) => covers(mount, request) && matches(mount.host, host));
    if (here === undefined) return problem('not-found');
    const answer = here.handle(request);
    if (anyHost || !hostDecides(served, request)) return answer;
    return answer instanceof Promise ? answer.then(ofHost) : ofHost(answer);
  };
}

// A kept plan is found by its path alone: what is for a host must not answer for another.
function ofHost(answer: Answer): Answer {
  return answer.kind === 'deliver' ? { ...answer, varies: ['host', ...(answer.varies ?? [])] } : answer;
}

function hostDecides(served: Served[], request: EngineRequest): boolean {
  return served.some(({ mount }) => mount.host !== '*' && covers(mount, request));
}

function applicationOf(mount: Mount, protocols: Readonly<Record<string, Protocol>>, services: Services) {
  const protocol = Object.hasOwn(protocols, mount.protocol) ? protocols[mount.protocol] : undefined;
  if (protocol) return protocol(services, mount);
  const known = Object.keys(protocols).join(', ');
  throw new Error(`A mount at ${mount.path}: there is no protocol ${mount.protocol}; there is ${known}.`);
}

const hostPattern = /^(?:\*|(?:\*\.)?[a-z0-9]+(?:[.-][a-z0-9]+)*|\[[0-9a-f:.]+\])$/;

function checkMount({ host, path }: Mount): void {
  if (!hostPattern.test(host))
    throw new Error(`A mount at host ${host}: expected a name in lower case, *.name or *, without a port.`);
  if (!path.startsWith('/') || !path.endsWith('/'))
    throw new Error(`A mount at ${path}: expected a path that begins and ends with a slash.`);
}

function checkPlaces(served: Served[]): void {
  for (const [index, { mount }] of served.entries()) {
    const before = served[index - 1]?.mount;
    if (before?.host === mount.host && before.path === mount.path)
      throw new Error(`Two mounts at host ${mount.host} and path ${mount.path}; leave one out.`);
  }
}

// Names before patterns, long patterns before short ones, all hosts last; then long paths before short ones.
function order(one: Mount, other: Mount): number {
  return (
    breadth(one.host) - breadth(other.host) ||
    other.host.length - one.host.length ||
    other.path.length - one.path.length ||
    (`${one.host}${one.path}` < `${other.host}${other.path}` ? -1 : 1)
  );
}

function breadth(host: string): number {
  return host === '*' ? 2 : Number(host.startsWith('*.'));
}

function covers({ path }: Mount, request: EngineRequest): boolean {
  return request.path.startsWith(path);
}

function matches(pattern: string, host: string): boolean {
  if (pattern === '*' || pattern === host) return true;
  return pattern.startsWith('*.') && host.endsWith(pattern.slice(1)) && host.length >= pattern.length;
}

// As hosts are compared: in lower case, without the port and without the dot that stands for the root.
function hostOf(request: EngineRequest): string {
  const given = request.authority.toLowerCase();
  return given.replace(/:\d*$/, '').replace(/\.$/, '');
}
