// sameOrigin: refuses requests that foreign web pages make through a browser. A page can make a browser on
// this machine send requests to loopback, but it cannot forge the Host and Origin fields.

import type { MiddlewareHandler } from 'hono';

const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])\.?(:\d+)?$/i;
const safe = new Set(['GET', 'HEAD']);

/**
 * @param anyHost accept any Host: the listener is not on loopback, so clients need a token and may use any
 * name.
 */
export function sameOrigin(anyHost: boolean): MiddlewareHandler {
  return async (c, next) => {
    const host = c.req.header('host') ?? '';
    // A foreign host name that resolves to loopback is an attack by DNS rebinding.
    if (!anyHost && !loopback.test(host))
      return c.text(`Host: expected localhost or a loopback address, got ${host}\n`, 403);
    const origin = c.req.header('origin');
    const own = [`http://${host}`, `https://${host}`].map((each) => each.toLowerCase());
    if (!safe.has(c.req.method) && origin !== undefined && !own.includes(origin.toLowerCase())) {
      return c.text(`Origin: ${origin} may not change anything here\n`, 403);
    }
    return next();
  };
}
