// Streaming names: what players meet, by the extensions of names: playlists, segments and what comes with
// them. One table says the media type of each and what part it has in a presentation.

/**
 * playlist: says what there is, and may grow. media: samples and what decodes them, under a name of their
 * own. text: beside them, in segments or as a whole. picture: likewise. key: decrypts them.
 */
export type StreamingRole = 'playlist' | 'media' | 'text' | 'picture' | 'key';

interface Kind {
  role: StreamingRole;
  /** Where the package `mime` does not know the extension, or maps it to another type. */
  type?: string;
  extensions: readonly string[];
  /** The object type of CTA-5006; absent: the name does not tell. */
  object?: 'm' | 'a' | 'i' | 'c' | 'tt' | 'k' | 'o';
  /** The streaming format of CTA-5006, by the formats that playlists have. */
  format?: 'h' | 'd' | 's';
  /** Segments of HLS alone, which no player gets before they are whole (rfc8216bis 6.2.1). */
  whole?: true;
}

const kinds: readonly Kind[] = [
  { role: 'playlist', extensions: ['m3u8', 'm3u'], object: 'm', format: 'h' },
  { role: 'playlist', extensions: ['mpd'], object: 'm', format: 'd' },
  { role: 'playlist', extensions: ['f4m'], object: 'm' },
  // Manifests of Smooth Streaming, of servers and of clients.
  {
    ...{ role: 'playlist', type: 'application/vnd.ms-sstr+xml', extensions: ['ism', 'ismc'] },
    ...{ object: 'm', format: 's' },
  },
  // CMAF tracks (ISO/IEC 23000-19) and Smooth Streaming files, which have the same format. DASH-IF's ingest
  // has .init and .header for what begins a track.
  { role: 'media', type: 'video/mp4', extensions: ['cmfv', 'm4v', 'ismv'] },
  { role: 'media', type: 'video/mp4', extensions: ['init', 'header'], object: 'i' },
  { role: 'media', type: 'audio/mp4', extensions: ['cmfa', 'isma', 'm4a', 'mp4a'], object: 'a' },
  { role: 'media', type: 'application/mp4', extensions: ['cmft'], object: 'tt' },
  { role: 'media', type: 'application/mp4', extensions: ['cmfm'], object: 'o' },
  { role: 'media', type: 'video/iso.segment', extensions: ['m4s', 'm4f'] },
  { role: 'media', extensions: ['mp4', 'mp4v', 'mov', 'webm', 'mkv', 'ogv'] },
  { role: 'media', extensions: ['ts', 'm2ts', 'mts'], whole: true },
  { role: 'media', extensions: ['aac', 'mp2', 'mp3'], object: 'a', whole: true },
  { role: 'media', extensions: ['opus', 'weba', 'mka', 'oga', 'ogg'], object: 'a' },
  { role: 'media', type: 'audio/ac3', extensions: ['ac3'], object: 'a', whole: true },
  { role: 'media', type: 'audio/eac3', extensions: ['ec3', 'eac3'], object: 'a', whole: true },
  { role: 'media', type: 'audio/ac4', extensions: ['ac4'], object: 'a', whole: true },
  { role: 'media', type: 'audio/flac', extensions: ['flac'], object: 'a' },
  { role: 'text', type: 'text/vtt', extensions: ['vtt', 'webvtt'], object: 'c', whole: true },
  {
    ...{ role: 'text', type: 'application/ttml+xml', object: 'c' },
    extensions: ['ttml', 'dfxp', 'imsc', 'imsc1', 'itt'],
  },
  { role: 'text', extensions: ['srt'], object: 'c' },
  { role: 'picture', extensions: ['jpg', 'jpeg', 'png', 'webp', 'avif', 'gif'], object: 'o' },
  // Of encrypted segments; the package takes them for Keynote documents.
  { role: 'key', type: 'application/octet-stream', extensions: ['key'], object: 'k' },
];

const byExtension = new Map(kinds.flatMap((kind) => kind.extensions.map((each) => [each, kind] as const)));

/** Media types by extension, where `mime` has none or another. */
export const streamingTypes: Readonly<Record<string, string>> = Object.fromEntries(
  kinds.flatMap(({ type, extensions }) => (type === undefined ? [] : extensions.map((each) => [each, type]))),
);

interface StreamingName extends Pick<Kind, 'role' | 'object' | 'format' | 'whole'> {}

/** @param name of an object, or a path. Undefined: nothing of a presentation, as a page is. */
export function streamingName(name: string): StreamingName | undefined {
  const [, extension] = /\.([A-Za-z0-9]{1,10})$/.exec(name.slice(-11)) ?? [];
  return extension === undefined ? undefined : byExtension.get(extension.toLowerCase());
}
