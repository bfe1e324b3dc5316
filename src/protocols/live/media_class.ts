// MediaClass: what a file of a channel is, by its name alone: packagers send no Content-Type, or one that
// says nothing.

/**
 * A segment never changes, and an init segment when an encoder is started with other settings. A playlist, or
 * manifest, changes with each segment. Whatever else there is, keys among it, may change.
 */
export type MediaClass = 'segment' | 'init' | 'playlist' | 'other';

const playlist = /\.(?:m3u8?|mpd|ism|ismc|f4m)$/i;
const segment =
  /\.(?:ts|m2ts|m4[sfva]|mp4|cmf[vatm]|ism[av]|aac|ac3|ec3|eac3|mp3|flac|webm|vtt|webvtt|ttml|dfxp)$/i;
/** `init.mp4`, `init-stream0.m4s`, `video_init.mp4`, `720p/header.m4s`. */
const init = /(?:^|[-_.])(?:init|header|initialization)(?:[-_.]|$)/i;
/** Segments of HLS alone, which are never served before they are whole (rfc8216bis 6.2.1). */
const ofHls = /\.(?:ts|m2ts|aac|ac3|ec3|eac3|mp3|vtt|webvtt)$/i;

export function mediaClassOf(name: string): MediaClass {
  const file = name.slice(name.lastIndexOf('/') + 1);
  if (playlist.test(file)) return 'playlist';
  if (init.test(file)) return 'init';
  return segment.test(file) ? 'segment' : 'other';
}

/** Whether players may read it while it arrives, where the site says so of its path. */
export function mayGrow(name: string): boolean {
  return mediaClassOf(name) !== 'playlist' && !ofHls.test(name);
}
