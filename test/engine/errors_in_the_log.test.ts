// The fields of an error in a line of the log.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SealgateError } from '../../src/errors.ts';
import { createLog } from '../../src/log.ts';

function logged(error: Error): Record<string, unknown> {
  const lines: string[] = [];
  createLog({ level: 'info', access: '', fields: [] }, { write: (line) => lines.push(line) }).error({
    err: error,
  });
  return JSON.parse(lines.join('')).err;
}

test('an error with a code of ours: code, message and the message of its cause, without a stack', () => {
  const cause = new Error('EIO: i/o error, read');
  assert.deepEqual(logged(new SealgateError('seal-broken', 'Blob a is in quarantine.', { cause })), {
    type: 'SealgateError',
    message: 'Blob a is in quarantine.: EIO: i/o error, read',
    code: 'seal-broken',
    name: 'SealgateError',
  });
});

test('an error that was not foreseen: with its stack', () => {
  for (const error of [new TypeError('x is undefined'), new SealgateError('internal')]) {
    const { message, stack } = logged(error);
    assert.equal(message, error.message);
    assert.match(String(stack), /errors_in_the_log/);
  }
});
