// The file servers that the three runtimes' own HTTP servers make, as their manuals show:
// test/bench/runtimes.

import { cipherSuite, type Site } from '../site.ts';
import { freePorts, type Server, startOnPorts } from './server.ts';

const runtimes = '.tools/node_modules/.bin';

async function startRuntime(name: string, command: string[], site: Site): Promise<Server> {
  const ports = await freePorts();
  const words = [site.files, site.certificate, site.key, `${ports.plain}`, `${ports.tls}`];
  return startOnPorts(name, ports, [...command, ...words]);
}

export function startNode(site: Site): Promise<Server> {
  const command = ['node', '--import', 'tsx', 'test/bench/runtimes/node.ts', cipherSuite];
  return startRuntime('node https', command, site);
}

export function startBun(site: Site): Promise<Server> {
  return startRuntime('Bun.serve', [`${runtimes}/bun`, 'test/bench/runtimes/bun.ts'], site);
}

export function startDeno(site: Site): Promise<Server> {
  const command = [`${runtimes}/deno`, 'run', '--no-check', '-A', 'test/bench/runtimes/deno.ts'];
  return startRuntime('Deno.serve', command, site);
}
