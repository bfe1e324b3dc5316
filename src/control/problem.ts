// problem: an error response of the control plane, application/problem+json (RFC 9457).

import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';

export function problem(c: Context, status: ContentfulStatusCode, title: string, detail: string): Response {
  return c.json({ title, status, detail }, status, { 'Content-Type': 'application/problem+json' });
}
