// A file server with Node's http and https.   usage: node.ts CIPHERSUITES FOLDER CERTIFICATE KEY PORT TLSPORT

import { createReadStream, readFileSync, statSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';

const [ciphers, folder, certificate = '', key = '', port, tlsPort] = process.argv.slice(2);

const serve: RequestListener = (request, response) => {
  const path = `${folder}${request.url}`;
  response.writeHead(200, {
    'Content-Type': 'application/octet-stream',
    'Content-Length': statSync(path).size,
    'Cache-Control': 'public, max-age=31536000, immutable',
  });
  createReadStream(path).pipe(response);
};

const tls = {
  cert: readFileSync(certificate),
  key: readFileSync(key),
  ciphers,
  minVersion: 'TLSv1.3',
} as const;
const options = { keepAliveTimeout: 3_600_000 };
createServer(options, serve).listen(Number(port), '127.0.0.1');
createTlsServer({ ...options, ...tls }, serve).listen(Number(tlsPort), '127.0.0.1');
