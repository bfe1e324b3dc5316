// A maintenance thread: copies and hashes files into the store's staging, one a task.

import { addon } from '../src/native/addon.ts';
import type { Copied, Copying } from '../src/store/import.ts';
import { secretIn } from '../src/store/secrets.ts';

export default function importFile({ source, staging, guarded }: Copying): Copied {
  try {
    const copied = addon.importFile(source, staging);
    const secret = guarded === undefined ? undefined : secretIn(guarded, staging);
    return secret === undefined ? copied : { code: undefined, message: secret };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { code, message };
  }
}
