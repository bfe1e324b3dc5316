// Objects that expire on a web site: plans for pages and folders end with them, and afterwards the site has
// nothing there. The store's clock is the test's.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { EngineRequest } from '../../../src/engine/engine_request.ts';
import type { DeliverPlan, RespondPlan } from '../../../src/native/addon.ts';
import { web } from '../../../src/protocols/web/index.ts';
import { openTestApp } from '../../support/app.ts';

const ttl = 3600;
let clock = Date.now();
const app = await openTestApp({ now: () => clock });
after(() => app.close());
await app.objects.setBucket('live', { ttl });

const settings = { host: '*', path: '/', protocol: 'web', bucket: 'live', listing: 'html' } as const;
const handle = web.serve(app.services, { ...settings, site: { ...settings } });
const get = async (target: string) =>
  (await handle(
    new EngineRequest({
      ...{
        mount: 1,
        method: 'GET',
        target,
        head: '',
        codings: 0,
        authority: '',
        hasBody: false,
        subject: '',
      },
    }),
  )) as DeliverPlan | RespondPlan;

test('a page, and the index of a folder, end with their objects', async () => {
  const paths = ['/page.html', '/docs/'];
  await app.put('/o/live/page.html', 'page');
  await app.put('/o/live/docs/index.html', 'docs');
  for (const path of paths) {
    const plan = await get(path);
    assert.ok(plan.kind === 'deliver');
    assert.equal(plan.expires, Math.floor(clock / 1000) + ttl);
    assert.ok(plan.fields.some(([name]) => name === 'Sunset'));
  }
  clock += ttl * 1000;
  for (const path of paths) {
    const answer = await get(path);
    assert.deepEqual([answer.kind, answer.kind === 'respond' && answer.status], ['respond', 404]);
  }
});
