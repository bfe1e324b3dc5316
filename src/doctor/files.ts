// Readers for small files in /proc and /sys.

import { readFileSync } from 'node:fs';

/** The contents without the final newline; undefined when the file is missing or may not be read. */
export function kernelFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trimEnd();
  } catch {
    return undefined;
  }
}

/** The value after `name:` in a file like /proc/self/status. */
export function fieldOf(text: string | undefined, name: string): string | undefined {
  return new RegExp(`^${name}[ \\t]*:(.*)$`, 'm').exec(text ?? '')?.[1]?.trim();
}

/** The value of a kernel setting by its dotted name (sysctl(8)). */
export function sysctl(name: string): string | undefined {
  return kernelFile(`/proc/sys/${name.replaceAll('.', '/')}`);
}
