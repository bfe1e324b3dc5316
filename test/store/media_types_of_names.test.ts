// Media types that names suggest: those of video origins and package mirrors, where other tables differ.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mediaTypeOf } from '../../src/media_type.ts';

const expected: Record<string, string> = {
  'master.m3u8': 'application/vnd.apple.mpegurl',
  'stream.mpd': 'application/dash+xml',
  'segment.ts': 'video/mp2t',
  'segment.m4s': 'video/iso.segment',
  'init.mp4': 'video/mp4',
  'video.cmfv': 'video/mp4',
  'audio.cmfa': 'audio/mp4',
  'text.cmft': 'application/mp4',
  'segment.m4v': 'video/mp4',
  'segment.m4a': 'audio/mp4',
  'segment.m4f': 'video/iso.segment',
  'metadata.cmfm': 'application/mp4',
  'track.init': 'video/mp4',
  'track.header': 'video/mp4',
  'audio.aac': 'audio/aac',
  'audio.ac3': 'audio/ac3',
  'audio.ec3': 'audio/eac3',
  'audio.ac4': 'audio/ac4',
  'subtitles.vtt': 'text/vtt',
  'subtitles.webvtt': 'text/vtt',
  'subtitles.ttml': 'application/ttml+xml',
  'subtitles.imsc1': 'application/ttml+xml',
  'subtitles.srt': 'application/x-subrip',
  'thumbnail.jpg': 'image/jpeg',
  'channel.ism': 'application/vnd.ms-sstr+xml',
  'fragments.ismv': 'video/mp4',
  'aes.key': 'application/octet-stream',
  'pool/a_1.0_amd64.deb': 'application/vnd.debian.binary-package',
  'Packages.zst': 'application/zstd',
  'Packages.xz': 'application/x-xz',
  'Packages.bz2': 'application/x-bzip2',
  'a-1.0.tgz': 'application/gzip',
  'a-1.0.tar.gz': 'application/gzip',
  'a_1.0.dsc': 'text/plain',
  'a.tar.zst.sha256': 'text/plain',
  'index.html': 'text/html',
  'module.mjs': 'text/javascript',
  'module.wasm': 'application/wasm',
  'UPPER.MP4': 'video/mp4',
  InRelease: 'application/octet-stream',
  html: 'application/octet-stream',
  'pool/html': 'application/octet-stream',
};

for (const [name, type] of Object.entries(expected)) {
  test(`${name} is ${type}`, () => assert.equal(mediaTypeOf(name), type));
}
