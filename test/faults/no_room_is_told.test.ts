// Each step of a command that writes to the store's disk finds no space, or a quota of the disk used up: the
// command names the store, or a file in it, says that it is for want of space, and what to do. FAULTS=all
// takes every step.

import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, spawnCli } from '../support/runtime.ts';
import { createSite } from '../support/server.ts';
import { eachStep, Faults, takesAll } from './shim.ts';

/** More than each command has. */
const maxSteps = 120;

const site = await createSite({ buckets: { live: 'versioned' } });
const store = join(site.dir, 'store');
after(() => site.remove());
const faults = new Faults(site.dir, `${store}/`);
const source = join(site.dir, 'source');
const tree = join(site.dir, 'tree');
await mkdir(tree);
let rounds = 0;

/** Each does something new every time. */
const commands: Record<string, (number: number) => string[]> = {
  import: (number) => ['import', tree, '--prefix', `${number}/`],
  put: (number) => ['put', source, `live/${number}`],
  cp: (number) => ['cp', 'live/there', `live/copy-${number}`],
  'bucket create': (number) => ['bucket', 'create', `bucket-${number}`],
};

const run = (args: string[]) => outcome(spawnCli([...args, '--config', site.config]));

// Deno calls an EDQUOT of some calls UNKNOWN, with nothing beside it.
for (const [command, argsOf] of Object.entries(commands))
  for (const error of ['ENOSPC', 'EDQUOT'] as const)
    test(`${command}: each step in the store that fails with ${error} is told`, async (t) => {
      await writeFile(source, 'what is there');
      await run(['put', source, 'live/there']);
      const seen = await eachStep({ most: maxSteps, stride: takesAll ? 1 : 6 }, async (number) => {
        for (const path of [source, join(tree, 'file')]) await writeFile(path, `bytes ${++rounds}`);
        const work = () => run(argsOf(rounds));
        const { hit, result } = await faults.during({ number, error }, () => faults.within(work));
        if (hit === undefined) return undefined;
        const last = result.stderr.trim().split('\n').at(-1) ?? '';
        const what = `${hit}: ${result.status} ${last}`;
        if (result.status === 0) return what;
        assert.ok(last.includes(store), what);
        assert.match(last, 'Deno' in globalThis ? /space|quota|room|UNKNOWN/ : /space|quota|room/, what);
        assert.match(last, /make (?:room|some)|run the (?:same )?command again/, what);
        return what;
      });
      t.diagnostic?.(seen.join('\n'));
      assert.ok(seen.some((each) => / 1 sealgate: /.test(each)) && seen.length < maxSteps, `${seen.length}`);
    });
