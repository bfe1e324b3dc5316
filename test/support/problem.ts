// What every refusal has to look like: one line of JSON (RFC 9457) that names the problem.

import assert from 'node:assert/strict';
import type { Response } from './server.ts';

export function assertProblem({ status, headers, body }: Response, expected: number, title: string): void {
  const text = body.toString();
  assert.deepEqual([status, headers.get('content-type')], [expected, 'application/problem+json'], text);
  assert.match(text, /^\{[^\n]*\}\n$/);
  const { type, title: named, status: told, detail } = JSON.parse(text);
  assert.deepEqual([type, named, told], [`urn:sealgate:problem:${title}`, title, expected]);
  assert.ok(detail.length > 0);
}
