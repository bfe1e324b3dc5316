// Programs out of Debian's packages, which are unpacked into .cache. Unpacked, not installed: a package would
// start its server and register it for every boot.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from './runtime.ts';

/** Absolute path of a program of these packages. Throws when they cannot be had. */
export function programOf(packages: string, program: string): string {
  const args = [program, ...packages.split(' ')];
  return execFileSync(join(root, 'test/unpack.sh'), args, { encoding: 'utf8' }).trim();
}

/** The environment in which such a program finds the libraries that were unpacked with it. */
export function withLibraries(program: string): NodeJS.ProcessEnv {
  return { ...process.env, LD_LIBRARY_PATH: join(program, '../../lib/x86_64-linux-gnu') };
}
