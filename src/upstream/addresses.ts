// Addresses that a redirect of an upstream may not lead to unless its host is named: those of this machine,
// of networks that are not public, and of services beside a machine (169.254.169.254).

import { type LookupAddress, lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { Fault } from './fault.ts';

// RFC 6890, and of IPv6 all that is not global unicast (RFC 4291 2.4) or stands for an address of IPv4.
const refused = { 4: new BlockList(), 6: new BlockList() };
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const)
  refused[4].addSubnet(network, bits, 'ipv4');
for (const [network, bits] of [
  ['::', 3],
  ['4000::', 2],
  ['8000::', 1],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const)
  refused[6].addSubnet(network, bits, 'ipv6');

function isRefused(address: string): boolean {
  const version = isIP(address);
  if (version === 4) return refused[4].check(address, 'ipv4');
  return version !== 6 || refused[6].check(address, 'ipv6');
}

/** Throws when a host is an address that is refused. @param host as a URL has it. */
export function checkHost(host: string): void {
  const address = host.replace(/^\[|\]$/g, '');
  if (isIP(address) !== 0 && isRefused(address)) throw refusal(host, address);
}

/** Looks a name up, and fails when any of its addresses is refused: none of them is connected to then. */
export const publicLookup: LookupFunction = (host, options, done) => {
  lookup(host, { ...options, all: true }, (error, found: LookupAddress[]) => {
    const [first] = found ?? [];
    const wrong = found?.find(({ address }) => isRefused(address));
    if (error || !first) done(error ?? new Error(`${host} has no address`), '', 4);
    else if (wrong) done(refusal(host, wrong.address), '', 4);
    else if (options.all) done(null, found);
    else done(null, first.address, first.family);
  });
};

function refusal(host: string, address: string): Fault {
  const where = host === address ? host : `${host} (${address})`;
  return new Fault(
    'redirect',
    `it redirects to ${where}, which is no public address; "redirectsTo" can name it`,
  );
}
