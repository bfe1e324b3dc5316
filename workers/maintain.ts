// A maintenance thread: copies and hashes files into the store's staging, one a task.

import { addon, type Hashed } from '../src/native/addon.ts';

export default function importFile({ source, staging }: { source: string; staging: string }): Hashed {
  return addon.importFile(source, staging);
}
