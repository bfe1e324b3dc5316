// An answer takes no more instructions than the budget says. RECORD_BUDGET=1 writes what it takes now
// instead: for a change that is worth its price, or that made it cheaper.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { makeAuthority } from '../support/certificates.ts';
import { instructionsPerAnswer, type Path } from './instructions.ts';

const file = 'test/budget/budget.json';
/** Compilers and library versions differ by some percent. */
const slack = 1.1;

const paths: Record<string, Path> = {
  '1 KB, plain': { protocol: 'plain', reads: 'open', size: 1024, answers: 1020 },
  '1 KB, plain, with a token': { protocol: 'plain', reads: 'token', size: 1024, answers: 1020 },
  '1 KB, plain, a signed URL again': { protocol: 'plain', reads: 'signed', size: 1024, answers: 1020 },
  '1 KB, plain, a signed URL': { protocol: 'plain', reads: 'verified', size: 1024, answers: 1020 },
  '1 KB, TLS': { protocol: 'tls', reads: 'open', size: 1024, answers: 1020 },
  '100 KB, plain': { protocol: 'plain', reads: 'open', size: 102_400, answers: 520 },
  '100 KB, TLS': { protocol: 'tls', reads: 'open', size: 102_400, answers: 120 },
};

const budget: Record<string, number> = JSON.parse(readFileSync(file, 'utf8'));
const found: Record<string, number> = {};
const dir = mkdtempSync(join(tmpdir(), 'budget-'));
const pair = await makeAuthority(dir, 'localhost');

after(() => {
  rmSync(dir, { recursive: true, force: true });
  if (process.env.RECORD_BUDGET === '1') writeFileSync(file, `${JSON.stringify(found, undefined, 2)}\n`);
});

for (const [name, path] of Object.entries(paths)) {
  test(name, async () => {
    const taken = Math.round(await instructionsPerAnswer(path, pair.certificate, pair.key));
    found[name] = taken;
    const most = process.env.RECORD_BUDGET === '1' ? taken : (budget[name] ?? 0) * slack;
    assert.ok(
      taken <= most,
      `${taken} instructions an answer, ${budget[name]} in ${file} and ${slack} times that allowed; ` +
        'find what became dearer, or record it: RECORD_BUDGET=1 make budget',
    );
  });
}
