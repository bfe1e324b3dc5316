// What is wrong with sites in a configuration.

import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError, loadConfig } from '../../src/config/config.ts';
import { temporaryFolder } from './store.ts';

/** A line for each fault, from its place below `sites` on. */
export async function faults(...sites: unknown[]): Promise<string[]> {
  const dir = await temporaryFolder();
  const file = join(dir, 'sealgate.json');
  try {
    await writeFile(file, JSON.stringify({ sites }));
    await loadConfig({ file, env: {} });
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message.split('\n').map((line) => line.replace(`${file}: sites.`, ''));
  } finally {
    await rm(dir, { recursive: true });
  }
}
