// What a mirror knows of what it mirrors: nothing but the rules of its site, or what the clients of one
// package manager ask for and can prove.

import type { MirrorConfig } from '../../config/upstreams.ts';
import type { Resources } from '../../sites/resources.ts';
import { apt } from './apt/apt.ts';
import { go } from './go.ts';
import { maven } from './maven.ts';
import type { Mirror } from './mirror.ts';
import { nix } from './nix.ts';
import { npm } from './npm/npm.ts';
import { pypi } from './pypi.ts';
import { readMirrored } from './read_object.ts';

/** Adds what a mirror serves to the resources of its mount. */
export type Kind = (mirror: Mirror, resources: Resources) => Resources;

const files: Kind = (mirror, resources) => resources.at('/:name{.*}', { GET: readMirrored(mirror) });

export const kinds: Record<MirrorConfig['kind'], Kind> = { files, apt, npm, pypi, maven, go, nix };
