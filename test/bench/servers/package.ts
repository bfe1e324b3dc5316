// Servers out of Debian's packages: the installed one, or the package unpacked into .cache. Unpacked, not
// installed: a package would start its server and register it for every boot.

import { execFileSync } from 'node:child_process';

/** Absolute path of a program of a package. Throws when the package cannot be had. */
export function programOf(packages: string, program: string): string {
  return execFileSync('test/bench/unpack.sh', [program, ...packages.split(' ')], { encoding: 'utf8' }).trim();
}
