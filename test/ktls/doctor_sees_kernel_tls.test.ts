// In a kernel with TLS the doctor finds every working combination, and whether keys can be replaced.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Finding } from '../../src/doctor/finding.ts';
import { suites } from '../support/record_client.ts';
import { outcome, spawnCli } from '../support/runtime.ts';
import { createSite } from '../support/server.ts';
import { kernelRekeys } from './support.ts';

const site = await createSite();
after(() => site.remove());

test('doctor lists each protocol and cipher that works', async () => {
  const { stdout } = await outcome(spawnCli(['doctor', '--json', '--config', site.config]));
  const { findings } = JSON.parse(stdout) as { findings: Finding[] };
  const kernel = findings.filter(({ area }) => area === 'kernel TLS').map(({ found }) => found);
  for (const { version, cipher } of suites) {
    const protocol = version === 'tls13' ? 'TLSv1.3' : 'TLSv1.2';
    assert.ok(
      kernel.some((found) => found.startsWith(`${protocol} ${cipher}: sending works`)),
      `${protocol} ${cipher} of ${kernel.join('\n')}`,
    );
  }
  const rekeying = kernel.find((found) => found.startsWith('keys can')) ?? assert.fail();
  assert.equal(rekeying.startsWith('keys can be replaced'), kernelRekeys);
});
