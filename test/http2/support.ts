// A server with one listener in the clear and one with TLS, and a file of 1 KB and one of 1 MiB.

import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSite, type Site, TestServer } from '../support/server.ts';

export const small = randomBytes(1024);
export const large = randomBytes(1024 * 1024);

export interface Served {
  site: Site;
  server: TestServer;
  /** The listener without TLS. */
  clear: string;
  stop(): Promise<void>;
}

/** @param settings of the configuration. */
export async function serve(settings: Record<string, unknown> = {}): Promise<Served> {
  const site = await createSite(settings);
  const listen = ['--listen', 'https://127.0.0.1:0', '--listen', 'http://127.0.0.1:0'];
  const server = await TestServer.start(site, '--workers', '1', ...listen);
  for (const [name, bytes] of Object.entries({ small, large })) {
    const file = join(site.dir, name);
    await writeFile(file, bytes);
    await server.put(`/o/files/${name}`, file);
  }
  return {
    site,
    server,
    clear: server.urls[1] ?? '',
    stop: async () => {
      await server.stop();
      await site.remove();
    },
  };
}
