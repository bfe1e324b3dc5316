// nginx: one worker process, sendfile, open_file_cache; what differs between two of them is in NginxOptions.

import { writeFileSync } from 'node:fs';
import { programOf } from '../../support/unpacked.ts';
import { cipherSuite, type Site } from '../site.ts';
import { freePorts, type Ports, type Server, startOnPorts } from './server.ts';

export interface NginxOptions {
  name?: string;
  /** Keeps up to so many files open; 0: none. */
  openFileCache?: number;
  /** Files are read by a pool of threads, so that a disk does not block the worker. */
  aioThreads?: boolean;
  /** PUT is accepted (ngx_http_dav_module). */
  uploads?: boolean;
}

export async function startNginx(site: Site, options: NginxOptions = {}): Promise<Server> {
  const name = options.name ?? 'nginx';
  const executable = programOf('nginx', 'usr/sbin/nginx');
  const ports = await freePorts();
  const config = `${site.work}/${name.replaceAll(/\W+/g, '-')}.conf`;
  writeFileSync(config, nginxConfig(site, ports, options));
  return startOnPorts(name, ports, [executable, '-p', site.work, '-c', config, '-e', 'stderr']);
}

function nginxConfig(site: Site, ports: Ports, options: NginxOptions): string {
  const { openFileCache = 1000, aioThreads = false, uploads = false } = options;
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const cache = openFileCache > 0 ? `max=${openFileCache}` : 'off';
  return `
    daemon off; worker_processes 1; user root; pid ${site.work}/nginx-${ports.plain}.pid;
    error_log stderr error; worker_rlimit_nofile 16384;
    events { worker_connections 16384; }
    http {
      ${temporary.map((kind) => `${kind}_temp_path ${site.work}/nginx-${kind};`).join(' ')}
      access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; keepalive_timeout 3600s;
      open_file_cache ${cache}; open_file_cache_valid 3600s;
      ${aioThreads ? 'aio threads;' : ''}
      server {
        listen 127.0.0.1:${ports.plain} backlog=512; listen 127.0.0.1:${ports.tls} ssl http2 backlog=512;
        root ${site.files};
        ssl_certificate ${site.certificate}; ssl_certificate_key ${site.key};
        ssl_protocols TLSv1.3; ssl_conf_command Ciphersuites ${cipherSuite};
        ${site.ktls ? 'ssl_conf_command Options KTLS;' : ''}
        ${uploads ? 'dav_methods PUT; client_max_body_size 0; create_full_put_path on;' : ''}
        add_header Cache-Control "public, max-age=31536000, immutable";
      }
    }`;
}
