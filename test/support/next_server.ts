// A process that takes over from a server, or is to: the hand-over by hand, so that a test may stop anywhere.

import { type ChildProcess, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root, runtimeArguments, text } from './runtime.ts';
import type { Site } from './server.ts';
import { until } from './wait.ts';

/** Says `hello` and then each of these, after an answer to the one before; then it stays. */
export async function halfWay(
  site: Site,
  ...says: object[]
): Promise<{ child: ChildProcess; said(): string }> {
  const program = join(site.dir, `half_way_${says.length}.mjs`);
  const hello = { protocol: 2, version: '9.9.9', format: 2, beside: [2] };
  await writeFile(
    program,
    `import { addon } from ${JSON.stringify(`${root}src/native/addon.ts`)};
    const socket = addon.connectToPeer(${JSON.stringify(join(site.dir, 'store'))}, 'replace.sock');
    for (const message of ${JSON.stringify([{ hello }, ...says])}) {
      await socket.send(JSON.stringify(message), []);
      console.log(Object.keys(message)[0]);
      if (!('serving' in message)) console.log(Object.keys(JSON.parse((await socket.receive()).text))[0]);
    }
    // The connection is open as long as there is something that refers to it.
    setInterval(() => socket.peer(), 1000);`,
  );
  const child = spawn(process.execPath, [...runtimeArguments(), program], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return { child, said: text(child.stdout) };
}

/** Resolves when the process was told this. */
export async function heard({ said }: { said(): string }, what: string): Promise<void> {
  await until(said, (all) => all.split('\n').includes(what), `the other process hears ${what}`);
}
