// Uploads are sandboxed unless browsers take their media type for no page.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineRequest } from '../../src/engine/engine_request.ts';
import { describe, respond } from '../../src/engine/plan.ts';
import type { Mount } from '../../src/sites/mount.ts';
import { withPolicy } from '../../src/sites/policy.ts';
import { field } from '../support/app.ts';

const event = {
  mount: 1,
  method: 'GET',
  target: '/o/b/x',
  head: '',
  codings: 0,
  authority: 'h',
  hasBody: false,
  subject: '',
};
const request = new EngineRequest(event);
const blob = { digest: '0'.repeat(64), size: 1 };

async function policyOf(contentType: string, mount: Partial<Mount> = {}): Promise<string | undefined> {
  const told = { contentType, freshness: 'immutable', grant: '', created: 0, cache: undefined } as const;
  const handle = withPolicy(() => describe(blob, told, respond(204)), {
    host: '*',
    path: '/',
    protocol: 'objects',
    ...mount,
  });
  const plan = await handle(request);
  assert.ok(plan.kind === 'describe');
  return field(plan, 'Content-Security-Policy');
}

for (const type of [
  'text/html',
  'TEXT/HTML;charset=utf-8',
  'application/xhtml+xml',
  'image/svg+xml',
  'image/svg+xml; a=b',
  'text/xml',
  'application/xml',
  'application/rss+xml',
  'application/dash+xml',
  'text/xsl',
  'text/rdf',
  'multipart/x-mixed-replace; boundary=a',
  'message/rfc822',
  'x/y',
  'text/plainhtml',
  'text/html, text/plain',
])
  test(`an upload of type ${type} is sandboxed`, async () => {
    assert.equal(await policyOf(type), 'sandbox');
  });

for (const type of [
  'text/plain',
  'text/plain; charset=utf-8',
  'Text/CSS ;charset=utf-8',
  'image/png',
  'video/mp4',
  'font/woff2',
  'application/pdf',
  'application/octet-stream',
  'application/wasm',
  'application/vnd.apple.mpegurl',
])
  test(`an upload of type ${type} is sent as it is`, async () => {
    assert.equal(await policyOf(type), undefined);
  });

test('a web site and an objects site with web content have pages', async () => {
  assert.equal(await policyOf('text/html', { protocol: 'web' }), undefined);
  const site = { host: '*', path: '/', protocol: 'objects', webContent: true } as NonNullable<Mount['site']>;
  assert.equal(await policyOf('text/html', { site }), undefined);
});
