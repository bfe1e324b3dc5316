// What a mirror knows of what it mirrors: nothing but the rules of its site, or what the clients of one
// package manager ask for and can prove.

import type { MirrorConfig } from '../../config/mirror.ts';
import type { Resources } from '../../sites/resources.ts';
import { apt, keptInApt } from './apt/apt.ts';
import { go, keptInGo } from './go.ts';
import type { KeptAsOf } from './kept_as.ts';
import { keptInMaven, maven } from './maven.ts';
import type { Mirror } from './mirror.ts';
import { keptInNix, nix } from './nix.ts';
import { keptInNpm, npm } from './npm/npm.ts';
import { keptInPypi, pypi } from './pypi.ts';
import { readMirrored } from './read_object.ts';

/** Adds what a mirror serves to the resources of its mount. */
export type Kind = (mirror: Mirror, resources: Resources) => Resources;

const files: Kind = (mirror, resources) => resources.at('/:name{.*}', { GET: readMirrored(mirror) });

export const kinds: Record<MirrorConfig['kind'], Kind> = { files, apt, npm, pypi, maven, go, nix };

export const keptIn: Record<MirrorConfig['kind'], KeptAsOf> = {
  files: () => ({}),
  ...{ apt: keptInApt, npm: keptInNpm, pypi: keptInPypi, maven: keptInMaven, go: keptInGo, nix: keptInNix },
};
