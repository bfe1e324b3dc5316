// The thread that reads documents of upstreams and builds, each kind of them in its way.

import { readNamed } from '../src/upstream/builds/read_named.ts';
import { findPackage } from '../src/upstream/documents/apt_packages.ts';
import { readRelease } from '../src/upstream/documents/apt_release.ts';
import { manifestFault } from '../src/upstream/documents/image_manifest.ts';
import { readSimple } from '../src/upstream/documents/pypi_simple.ts';
import { referrersIn, tagsIn } from '../src/upstream/documents/registry_lists.ts';
import type { Reading } from '../src/upstream/documents.ts';
import { auditBody, searchResult } from '../src/upstream/npm/audit.ts';
import { changePackument, derivePackument, findTarball, tagsOf } from '../src/upstream/npm/documents.ts';

const ofApt = { findPackage, readRelease };
const ofNpm = { auditBody, changePackument, derivePackument, findTarball, searchResult, tagsOf };
const ofRegistries = { manifestFault, referrersIn, tagsIn };
const readers = { ...ofApt, ...ofNpm, ...ofRegistries, readSimple, readNamed };

export type Readers = typeof readers;

export default function read<Name extends keyof Readers>({ reader, task }: Reading<Name>): Promise<unknown> {
  return (readers[reader] as (task: unknown) => Promise<unknown>)(task);
}
