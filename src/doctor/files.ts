// Small files that the kernel writes: /proc and /sys.

import { readFileSync } from 'node:fs';

/** Without the newline at its end; undefined when it is not there or not for us. */
export function kernelFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trimEnd();
  } catch {
    return undefined;
  }
}

/** The value behind `name:` in a file like /proc/self/status. */
export function fieldOf(text: string | undefined, name: string): string | undefined {
  return new RegExp(`^${name}[ \\t]*:(.*)$`, 'm').exec(text ?? '')?.[1]?.trim();
}

/** A setting by its dotted name (sysctl(8)). */
export function sysctl(name: string): string | undefined {
  return kernelFile(`/proc/sys/${name.replaceAll('.', '/')}`);
}
