// Texts made to be slow to read: what reads text from outside takes time in proportion to its length.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { analyse } from 'scslre';
import { startFeeding } from '../support/hostile_text.ts';
import { outcome } from '../support/runtime.ts';
import { patternsOf, sourcesUnder } from '../support/sources.ts';

test('each field, path and query takes 30,000 hostile characters in linear time', async () => {
  const { status, stdout, stderr } = await outcome(startFeeding());
  const lines = stdout.trimEnd().split('\n');
  assert.equal(status, 0, `ended for its CPU time at: ${lines.at(-1)}\n${stderr}`);
  assert.deepEqual(JSON.parse(lines.at(-1) ?? ''), []);
});

test('no pattern of the sources backtracks more than its text is long', () => {
  const patterns = [...sourcesUnder('src', /\.ts$/), ...sourcesUnder('workers', /\.ts$/)].flatMap(patternsOf);
  assert.ok(patterns.length > 30, 'too few patterns were found');
  const slow = patterns.flatMap(({ path, line, pattern }) =>
    analyse(pattern).reports.map(({ type, exponential }) => {
      const grows = exponential ? 'exponentially' : 'with the square';
      return `${path}:${line}: ${pattern}: its time grows ${grows} of the text's length (${type}); ${advice}`;
    }),
  );
  assert.deepEqual(slow, []);
});

const advice = 'parse with a library, or let no two neighbours match the same characters';
