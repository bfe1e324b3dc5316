// A maintenance thread: copies and hashes files into the store's staging, one a task.

import { addon } from '../src/native/addon.ts';
import type { Copied } from '../src/store/import.ts';

export default function importFile({ source, staging }: { source: string; staging: string }): Copied {
  try {
    return addon.importFile(source, staging);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { code, message };
  }
}
