// Keeps web pages of others out of the control plane: a browser on the same machine can be made to send
// requests to loopback, but it cannot hide where they come from.

import type { MiddlewareHandler } from 'hono';

const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])\.?(:\d+)?$/i;
const safe = new Set(['GET', 'HEAD']);

/** @param anyHost others can reach it, under names of their own; then a token is asked for. */
export function ownPagesOnly(anyHost: boolean): MiddlewareHandler {
  return async (c, next) => {
    const host = c.req.header('host') ?? '';
    // A name that resolves to loopback is somebody else's site (DNS rebinding).
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
