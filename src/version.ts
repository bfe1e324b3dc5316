// The version of this program.

import { createRequire } from 'node:module';

export const { version } = createRequire(import.meta.url)('#package') as { version: string };
