// MediaClass: what a file of a channel is, by its name alone: packagers send no Content-Type, or one that
// says nothing.

import { type StreamingRole, streamingName } from '../../streaming_names.ts';

/**
 * A segment never changes, and an init segment when an encoder is started with other settings. A playlist, or
 * manifest, changes with each segment. Whatever else there is, keys and pictures among it, may change.
 */
export type MediaClass = 'segment' | 'init' | 'playlist' | 'other';

const byRole: Readonly<Record<StreamingRole, MediaClass>> = {
  playlist: 'playlist',
  media: 'segment',
  text: 'segment',
  picture: 'other',
  key: 'other',
};

/** `init.mp4`, `init-stream0.m4s`, `video_init.mp4`, `720p/header.m4s`, `video.init`. */
const init = /(?:^|[-_.])(?:init|header|initialization)(?:[-_.]|$)/i;

export function mediaClassOf(name: string): MediaClass {
  const role = streamingName(name)?.role;
  if (role === 'playlist') return 'playlist';
  if (init.test(name.slice(name.lastIndexOf('/') + 1))) return 'init';
  return role === undefined ? 'other' : byRole[role];
}

/** Whether players may read it while it arrives, where the site says so of its path. */
export function mayGrow(name: string): boolean {
  const found = streamingName(name);
  return found?.role !== 'playlist' && found?.whole === undefined;
}
