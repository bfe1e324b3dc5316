// The floor: floor.cc, which serves one file by one protocol.

import { lineWith, startPinned } from '../processes.ts';
import { type Site, serverCore } from '../site.ts';
import { type Protocol, type Server, serverOf } from './server.ts';

export async function startFloor(site: Site, file: string, protocol: Protocol): Promise<Server> {
  const tls = protocol === 'tls' ? [site.certificate, site.key] : [];
  const child = startPinned(serverCore, ['build/bench/floor', `${site.files}/${file}`, ...tls]);
  const port = Number(await lineWith(child, /^listening (\d+)$/));
  return serverOf('floor', child, () => ({ port, path: '/' }));
}
