// A file server with Bun.serve.   usage: bun.ts FOLDER CERTIFICATE KEY PORT TLSPORT

const [folder, certificate = '', key = '', port, tlsPort] = process.argv.slice(2);

const fetch = (request: Request) =>
  new Response(Bun.file(`${folder}${new URL(request.url).pathname}`), {
    headers: {
      'Content-Type': 'application/octet-stream',
      'Cache-Control': 'public, max-age=31536000, immutable',
    },
  });

// idleTimeout 0: a connection may wait as long as it likes.
const options = { hostname: '127.0.0.1', idleTimeout: 0, fetch };
Bun.serve({ ...options, port: Number(port) });
const tls = { cert: Bun.file(certificate), key: Bun.file(key) };
Bun.serve({ ...options, port: Number(tlsPort), tls });
