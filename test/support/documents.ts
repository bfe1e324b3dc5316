// The project's documents: their headings, their blocks of code, and the code in their sentences.

import { read, type Source, sourcesUnder } from './sources.ts';

export interface Code {
  /** `PATH:LINE` of its first line. */
  at: string;
  /** What stands behind the fence, for example `json` or `json answer`; undefined: code in a sentence. */
  info: string | undefined;
  text: string;
}

/** README.md first, then those beside it, then docs/. */
export function documents(): Source[] {
  return [...['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md'].map(read), ...sourcesUnder('docs', /\.md$/)];
}

const fenced = /^```([^\n]*)\n(.*?)^```$/gms;

export function blocksOf({ path, text }: Source): Code[] {
  return [...text.matchAll(fenced)].map(({ index, 1: info = '', 2: code = '' }) => ({
    at: `${path}:${lineAt(text, index) + 1}`,
    info: info.trim(),
    text: code,
  }));
}

export function codeInSentences(source: Source): Code[] {
  const { path } = source;
  const text = withoutBlocks(source);
  return [...text.matchAll(/`([^`]+)`/g)].map(({ index, 1: code = '' }) => ({
    at: `${path}:${lineAt(text, index)}`,
    info: undefined,
    text: code.replaceAll('\n', ' '),
  }));
}

/** The text with blank lines in place of its blocks of code. */
export function withoutBlocks({ text }: Source): string {
  return text.replace(fenced, (block) => block.replace(/[^\n]+/g, ''));
}

/** The anchors that headings have, as GitHub makes them of their text. */
export function anchorsOf(source: Source): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of withoutBlocks(source).matchAll(/^#{1,6} +(.+?) *$/gm)) {
    const anchor = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-');
    let unique = anchor;
    for (let count = 1; anchors.has(unique); count++) unique = `${anchor}-${count}`;
    anchors.add(unique);
  }
  return anchors;
}

export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}
