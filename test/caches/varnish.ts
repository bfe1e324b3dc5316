// Varnish before an origin that it reaches in the clear, as this edition of it has no TLS. It passes
// Accept-Encoding on, where by default it would ask for gzip alone.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { programOf } from '../support/unpacked.ts';
import { type Before, Cache } from './cache.ts';

export async function startVarnish(before: Before): Promise<Cache> {
  const program = programOf('varnish', 'usr/sbin/varnishd');
  const vmods = join(program, '../../lib/x86_64-linux-gnu/varnish/vmods');
  const options = ['-p', 'http_gzip_support=off', '-p', `vmod_path=${vmods}`, '-s', 'malloc,64m'];
  return Cache.start('varnish', async (port) => {
    const dir = join(before.dir, `varnish-${port}`);
    const vcl = `${dir}.vcl`;
    await writeFile(vcl, configuration(before));
    return [program, '-F', '-j', 'none', '-a', `127.0.0.1:${port}`, '-f', vcl, '-n', dir, ...options];
  });
}

function configuration({ plain }: Before): string {
  return `
    vcl 4.1;
    backend origin { .host = "127.0.0.1"; .port = "${plain}"; }
    sub vcl_recv { set req.http.User-Agent = "through-varnish"; }
    sub vcl_backend_response { set beresp.keep = 1h; }
    sub vcl_deliver {
      if (obj.hits > 0) { set resp.http.X-Cache = "HIT"; } else { set resp.http.X-Cache = "MISS"; }
    }`;
}
