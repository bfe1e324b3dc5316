// HAProxy with its cache before an origin that it reaches by TLS.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { programOf } from '../support/unpacked.ts';
import { type Before, Cache } from './cache.ts';

export async function startHaproxy(before: Before): Promise<Cache> {
  const program = programOf('haproxy', 'usr/sbin/haproxy');
  return Cache.start('haproxy', async (port) => {
    const config = join(before.dir, `haproxy-${port}.cfg`);
    await writeFile(config, configuration(before, port));
    return [program, '-db', '-f', config];
  });
}

function configuration({ tls, certificate }: Before, port: number): string {
  const trust = `ssl verify required ca-file ${certificate}`;
  return `
    global
      maxconn 200
    defaults
      mode http
      timeout connect 10s
      timeout client 60s
      timeout server 60s
    cache answers
      total-max-size 32
      max-object-size 4000000
      max-age 3600
      process-vary on
    frontend clients
      bind 127.0.0.1:${port}
      http-request set-header User-Agent through-haproxy
      http-request cache-use answers
      http-response cache-store answers
      http-response set-header X-Cache HIT if { res.cache_hit }
      http-response set-header X-Cache MISS unless { res.cache_hit }
      default_backend origin
    backend origin
      http-reuse always
      server origin 127.0.0.1:${tls} ${trust} sni str(localhost) verifyhost localhost
`;
}
