// A maintenance thread: copies and hashes files into the store's staging, a large one a task or many small
// ones.

import { mediaTypeOf } from '../src/media_type.ts';
import { addon } from '../src/native/addon.ts';
import { secretIn, secretInBytes } from '../src/store/secrets.ts';
import {
  type Copied,
  type Copying,
  type SmallCopied,
  type SmallCopying,
  smallBytes,
} from '../src/store/store_destination.ts';
import { textTypeOf } from '../src/store/text_type.ts';

export default function importFile({ source, staging, digests, guarded }: Copying): Copied {
  try {
    const copied = addon.importFile(source, staging, digests);
    const secret = guarded === undefined ? undefined : secretIn(guarded, staging);
    return secret === undefined ? copied : { code: undefined, message: secret };
  } catch (error) {
    return faultOf(error);
  }
}

export function importSmallFiles(files: SmallCopying[]): SmallCopied[] {
  return files.map(({ source, staging, digests, name, guarded }) => {
    try {
      const { bytes, ...copied } = addon.importSmallFile(source, staging, smallBytes, digests);
      const secret = guarded ? secretInBytes(name, bytes) : undefined;
      if (secret !== undefined) return { code: undefined, message: secret };
      return { ...copied, suggested: textTypeOf(mediaTypeOf(name), bytes) };
    } catch (error) {
      return faultOf(error);
    }
  });
}

function faultOf(error: unknown) {
  const { code, message } = error as NodeJS.ErrnoException;
  return { code, message };
}
