// Whether an error is for want of space on a disk.

import { constants } from 'node:os';

/** Whether an error's code says that there is no space. */
export function isFull(code: string | undefined): boolean {
  // libuv has no name for EDQUOT.
  return code === 'ENOSPC' || code === 'EDQUOT' || code === `Unknown system error -${constants.errno.EDQUOT}`;
}
