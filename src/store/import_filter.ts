// ImportFilter: decides which files of a tree are imported, and names the reason for those left out.

import { join } from 'node:path';
import picomatch from 'picomatch';

export interface Choice {
  /** Globs. One without a slash matches a name in any folder; one with a slash, the path from the root. */
  exclude: string[];
  /** Globs; none: every file. */
  include: string[];
  /** Also files and folders whose names begin with a dot. */
  hidden: boolean;
  /** Also the files of the tree that symbolic links point at. */
  links: boolean;
  /** Also files that look like private keys, tokens or passwords. */
  secrets: boolean;
  /** The site's own folders and files, as absolute paths without links. They are never imported. */
  own: string[];
}

export const everything: Choice = {
  exclude: [],
  include: [],
  hidden: true,
  links: false,
  secrets: true,
  own: [],
};

/** The reasons for leaving something out, and the sentences of the summary. */
export const reasons = {
  hidden: 'hidden files and folders were left out; --hidden takes them',
  excluded: 'files and folders were left out by --exclude',
  'not-included': 'files were left out by --include',
  link: 'symbolic links were left out; --links takes those to files of the tree',
  special: 'pipes, sockets and devices were left out',
  own: "files and folders of this site were left out: its store, keys, tokens and logs aren't content",
  store: 'folders were left out that are stores of Sealgate',
} as const;
export type Reason = keyof typeof reasons;

/** Characters of a glob that an error repeats. */
const shownCharacters = 100;

type Matches = (path: string) => boolean;

export class ImportFilter {
  readonly #choice: Choice;
  readonly #root: string;
  readonly #excluded: Matches;
  readonly #included: Matches;
  readonly #own: Set<string>;

  /** @param root of the tree, absolute and without links. */
  constructor(choice: Choice, root: string) {
    this.#choice = choice;
    this.#root = root;
    this.#excluded = matcher('--exclude', choice.exclude);
    this.#included = choice.include.length === 0 ? () => true : matcher('--include', choice.include);
    this.#own = new Set(choice.own);
  }

  get followsLinks(): boolean {
    return this.#choice.links;
  }

  get guardsSecrets(): boolean {
    return !this.#choice.secrets;
  }

  /** Why a folder is left out as a whole; undefined: it is not. @param path from the root. */
  folder(path: string): Reason | undefined {
    if (this.#own.has(join(this.#root, path))) return 'own';
    if (!this.#choice.hidden && isHidden(path)) return 'hidden';
    return this.#excluded(path) ? 'excluded' : undefined;
  }

  file(path: string): Reason | undefined {
    return this.folder(path) ?? (this.#included(path) ? undefined : 'not-included');
  }
}

// Looks at the last segment only, because the folders above were tested before.
function isHidden(path: string): boolean {
  return path.slice(path.lastIndexOf('/') + 1).startsWith('.');
}

/**
 * Throws an error that names the flag. Globs match hidden names too, because another option decides about
 * those.
 */
function matcher(flag: string, globs: string[]): Matches {
  const each = globs.map((glob) => {
    const bare = glob.replace(/^\//, '').replace(/\/$/, '');
    try {
      return picomatch(bare, { dot: true, nonegate: true, basename: !glob.includes('/') });
    } catch (cause) {
      const { message } = cause as Error;
      throw new Error(
        `${flag} ${JSON.stringify(glob.slice(0, shownCharacters))}: is no pattern: ${message}`,
        { cause },
      );
    }
  });
  return (path) => each.some((matches) => matches(path));
}
