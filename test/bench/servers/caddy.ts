// Caddy: file_server, one Go processor. Go chooses the cipher suite itself; its first is AES-128-GCM too.

import { writeFileSync } from 'node:fs';
import { programOf } from '../../support/unpacked.ts';
import type { Site } from '../site.ts';
import { freePorts, type Server, startOnPorts } from './server.ts';

export async function startCaddy(site: Site): Promise<Server> {
  const executable = programOf('caddy', 'usr/bin/caddy');
  const ports = await freePorts();
  const config = `${site.work}/Caddyfile`;
  const files = `root * ${site.files}
      header Cache-Control "public, max-age=31536000, immutable"
      file_server`;
  writeFileSync(
    config,
    `{
      admin off
      auto_https off
      servers {
        protocols h1
        timeouts {
          idle 1h
        }
      }
      log {
        level ERROR
      }
    }
    http://127.0.0.1:${ports.plain}, http://localhost:${ports.plain} {
      bind 127.0.0.1
      ${files}
    }
    https://127.0.0.1:${ports.tls}, https://localhost:${ports.tls} {
      bind 127.0.0.1
      tls ${site.certificate} ${site.key}
      ${files}
    }
`,
  );
  const command = ['env', 'GOMAXPROCS=1', executable, 'run', '--adapter', 'caddyfile', '--config', config];
  return startOnPorts('caddy', ports, command, site.work);
}
