// docker-registry, as Debian has it: blobs in a folder, descriptors in memory, one Go processor. Everybody
// may pull and push. Go chooses the cipher suite itself; its first is AES-128-GCM too.

import { mkdirSync, writeFileSync } from 'node:fs';
import { programOf } from '../../support/unpacked.ts';
import { freePort } from '../processes.ts';
import type { Site } from '../site.ts';
import { type Server, startOnPorts } from './server.ts';

/** @param folder where it keeps what is pushed. */
export async function startDockerRegistry(site: Site, folder: string): Promise<Server> {
  const executable = programOf('docker-registry', 'usr/bin/docker-registry');
  const port = await freePort();
  const { certificate, key } = site;
  const config = `${site.work}/docker-registry.yml`;
  mkdirSync(folder);
  // JSON is YAML.
  const settings = {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: {
      cache: { blobdescriptor: 'inmemory' },
      filesystem: { rootdirectory: folder },
      maintenance: { uploadpurging: { enabled: false } },
    },
    http: {
      addr: `127.0.0.1:${port}`,
      relativeurls: true,
      secret: 'benchmark',
      tls: { certificate, key, minimumtls: 'tls1.3' },
    },
  };
  writeFileSync(config, JSON.stringify(settings));
  const command = ['env', 'GOMAXPROCS=1', executable, 'serve', config];
  return startOnPorts('docker-registry', { plain: port, tls: port }, command, site.work);
}
