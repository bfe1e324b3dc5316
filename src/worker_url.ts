// The URL of a worker thread's module: source code runs the .ts file, the built package the .js file.

/** @param name of a file in workers/, without its extension. */
export function workerUrl(name: string): string {
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new URL(`../workers/${name}.${ending}`, import.meta.url).href;
}
