// Where the module of a worker thread is: beside the code that runs, source under .ts, built under .js.

/** @param name of a file in workers/, without its ending. */
export function workerUrl(name: string): string {
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new URL(`../workers/${name}.${ending}`, import.meta.url).href;
}
