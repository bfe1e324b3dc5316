// Progress through many files: a bar on a terminal, and a line every few seconds elsewhere.

import { Presets, SingleBar } from 'cli-progress';
import type { FileProgress } from '../file_progress.ts';
import { sayError } from './say.ts';
import { humanBytes } from './units.ts';

export interface Display {
  update(progress: FileProgress): void;
  end(): void;
}

/** Milliseconds between two lines of progress when standard error is no terminal. */
const lineEvery = 5000;

/** Shows progress on standard error. @param noun what to call the files. */
export function display(noun: string): Display {
  return process.stderr.isTTY ? bar(noun) : lines(noun);
}

function bar(noun: string): Display {
  const counts = `{files}/{totalFiles} ${noun} | {read} of {all}`;
  const format = `{bar} {percentage}% | ${counts} | {eta_formatted} left`;
  const drawn = new SingleBar({ format, etaBuffer: 200, stream: process.stderr }, Presets.shades_classic);
  let begun = false;
  return {
    update({ files, bytes, totalFiles, totalBytes }) {
      const shown = { files, totalFiles, read: humanBytes(bytes), all: humanBytes(totalBytes) };
      if (!begun) drawn.start(totalBytes, bytes, shown);
      begun = true;
      drawn.update(bytes, shown);
    },
    end: () => drawn.stop(),
  };
}

function lines(noun: string): Display {
  let last = performance.now();
  return {
    update({ files, bytes, totalFiles, totalBytes }) {
      if (performance.now() - last < lineEvery) return;
      last = performance.now();
      sayError(`${files} of ${totalFiles} ${noun}, ${humanBytes(bytes)} of ${humanBytes(totalBytes)}`);
    },
    end() {},
  };
}
