// h2o: one thread, files from the folder. Its client chooses the protocol: this version cannot be told
// TLS 1.3 alone.

import { writeFileSync } from 'node:fs';
import { programOf } from '../../support/unpacked.ts';
import type { Site } from '../site.ts';
import { freePorts, type Server, startOnPorts } from './server.ts';

export async function startH2o(site: Site): Promise<Server> {
  const executable = programOf('h2o', 'usr/bin/h2o');
  const ports = await freePorts();
  const config = `${site.work}/h2o.conf`;
  const certificate = `certificate-file: ${site.certificate}, key-file: ${site.key}`;
  const ssl = `{ ${certificate}, minimum-version: TLSv1.2, ocsp-update-interval: 0 }`;
  const field = '"Cache-Control: public, max-age=31536000, immutable"';
  const lines = [
    'num-threads: 1',
    'max-connections: 8192',
    'user: root',
    'http1-request-timeout: 3600',
    `listen: { host: 127.0.0.1, port: ${ports.plain} }`,
    `listen: { host: 127.0.0.1, port: ${ports.tls}, ssl: ${ssl} }`,
    `hosts: { default: { paths: { /: { file.dir: ${site.files}, header.set: ${field} } } } }`,
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  return startOnPorts('h2o', ports, [executable, '-m', 'worker', '-c', config]);
}
