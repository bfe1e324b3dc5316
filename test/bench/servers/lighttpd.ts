// lighttpd: its one process, with mod_openssl.

import { writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { programOf } from '../../support/unpacked.ts';
import { cipherSuite, type Site } from '../site.ts';
import { freePorts, type Server, startOnPorts } from './server.ts';

export async function startLighttpd(site: Site): Promise<Server> {
  const packages = 'lighttpd lighttpd-mod-openssl';
  const executable = programOf(packages, 'usr/sbin/lighttpd');
  const modules = dirname(programOf(packages, 'usr/lib/lighttpd/mod_openssl.so'));
  const ports = await freePorts();
  const config = `${site.work}/lighttpd.conf`;
  writeFileSync(
    config,
    `server.document-root = "${site.files}"
     server.bind = "127.0.0.1"
     server.port = ${ports.plain}
     server.modules = ( "mod_openssl", "mod_setenv" )
     server.errorlog = "${site.work}/lighttpd.log"
     server.max-fds = 16384
     server.max-connections = 8192
     server.max-keep-alive-requests = 1000000000
     server.max-keep-alive-idle = 3600
     server.max-write-idle = 3600
     mimetype.assign = ( "" => "application/octet-stream" )
     setenv.set-response-header = ( "Cache-Control" => "public, max-age=31536000, immutable" )
     $SERVER["socket"] == "127.0.0.1:${ports.tls}" {
       ssl.engine = "enable"
       ssl.pemfile = "${site.certificate}"
       ssl.privkey = "${site.key}"
       ssl.openssl.ssl-conf-cmd = ( "MinProtocol" => "TLSv1.3", "Ciphersuites" => "${cipherSuite}" )
     }
`,
  );
  return startOnPorts('lighttpd', ports, [executable, '-D', '-m', modules, '-f', config]);
}
