// nginx with proxy_cache before an origin that it reaches by TLS. Below /sliced/ it fetches ranges of a file.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { programOf } from '../support/unpacked.ts';
import { type Before, Cache } from './cache.ts';

export async function startNginx(before: Before): Promise<Cache> {
  const program = programOf('nginx', 'usr/sbin/nginx');
  return Cache.start('nginx', async (port) => {
    const dir = join(before.dir, `nginx-${port}`);
    await mkdir(dir);
    const config = join(dir, 'nginx.conf');
    await writeFile(config, configuration(before, dir, port));
    return [program, '-p', dir, '-c', config, '-e', 'stderr'];
  });
}

function configuration({ tls, certificate }: Before, dir: string, port: number): string {
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
    daemon off; worker_processes 1; ${user} pid ${dir}/nginx.pid; error_log stderr error;
    events { worker_connections 512; }
    http {
      ${temporary.map((kind) => `${kind}_temp_path ${dir}/${kind};`).join(' ')}
      access_log off; default_type application/octet-stream;
      proxy_cache_path ${dir}/cache keys_zone=answers:1m inactive=1h use_temp_path=off;
      upstream origin { server 127.0.0.1:${tls}; keepalive 4; }
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header User-Agent through-nginx;
      proxy_ssl_trusted_certificate ${certificate}; proxy_ssl_verify on; proxy_ssl_name localhost;
      proxy_cache answers; proxy_cache_key $http_host$request_uri;
      proxy_cache_revalidate on; proxy_cache_lock on; proxy_cache_background_update on;
      add_header X-Cache $upstream_cache_status always;
      server {
        listen 127.0.0.1:${port};
        location / { proxy_pass https://origin; }
        location /sliced/ {
          slice 64k; proxy_cache_key $http_host$uri$slice_range; proxy_set_header Range $slice_range;
          proxy_set_header Connection ""; proxy_set_header Host $http_host;
          proxy_set_header User-Agent through-nginx;
          proxy_pass https://origin;
        }
      }
    }`;
}
