// Progress through many files, for people: a bar on a terminal, a line now and then elsewhere.

import { Presets, SingleBar } from 'cli-progress';
import { sayError } from './say.ts';
import { humanBytes } from './units.ts';

export interface Progress {
  /** Done. */
  files: number;
  bytes: number;
  totalFiles: number;
  totalBytes: number;
}

export interface Display {
  update(progress: Progress): void;
  end(): void;
}

/** Milliseconds between two lines of progress where there is no terminal. */
const lineEvery = 5000;

/** On standard error. @param noun what the files are called. */
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
