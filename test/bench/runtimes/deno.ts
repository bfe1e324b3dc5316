// A file server with Deno.serve.   usage: deno.ts FOLDER CERTIFICATE KEY PORT TLSPORT

const [folder, certificate = '', key = '', port, tlsPort] = Deno.args;

async function serve(request: Request): Promise<Response> {
  const file = await Deno.open(`${folder}${new URL(request.url).pathname}`);
  const { size } = await file.stat();
  return new Response(file.readable, {
    headers: {
      'Content-Type': 'application/octet-stream',
      'Content-Length': `${size}`,
      'Cache-Control': 'public, max-age=31536000, immutable',
    },
  });
}

const options = { hostname: '127.0.0.1', onListen: () => {} };
Deno.serve({ ...options, port: Number(port) }, serve);
const tls = { cert: await Deno.readTextFile(certificate), key: await Deno.readTextFile(key) };
Deno.serve({ ...options, port: Number(tlsPort), ...tls }, serve);
