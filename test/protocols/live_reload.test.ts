// What players may ask of a playlist, and how it is made shorter for them (rfc8216bis 6.2.5).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SealgateError } from '../../src/errors.ts';
import { type Manifest, manifestOf } from '../../src/protocols/live/manifest.ts';
import { withoutOld, withWaiting } from '../../src/protocols/live/offered.ts';
import { hasCome, patienceOf, reachOf, reloadOf } from '../../src/protocols/live/reload.ts';

const control = '#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES';

function manifest(text: string): Manifest {
  const made = manifestOf(text);
  assert.ok(made);
  return made;
}

function reach(text: string) {
  const its = reachOf(manifest(text));
  assert.ok(its);
  return its;
}

function playlist(first: number, count: number, ...more: string[]): string {
  const segments = Array.from({ length: count }, (_, at) => `#EXTINF:4.000,\nout${first + at}.ts`);
  const head = ['#EXTM3U', '#EXT-X-VERSION:6', '#EXT-X-TARGETDURATION:4', `#EXT-X-MEDIA-SEQUENCE:${first}`];
  return [...head, control, ...segments, ...more, ''].join('\n');
}

const asked = (query: string) => {
  const url = `/out.m3u8?${query}`;
  return reloadOf({ url, query: new URLSearchParams(query) });
};
const verdict = (text: string, query: string) => {
  const reload = asked(query);
  assert.ok(reload);
  try {
    return hasCome(reach(text), reload);
  } catch (error) {
    assert.ok(error instanceof SealgateError && error.code === 'query-invalid');
    return 'refused';
  }
};

test('segments 7 to 9 are there, 10 and 11 are waited for, 12 is refused', () => {
  const text = playlist(7, 3);
  for (const msn of [0, 7, 9]) assert.equal(verdict(text, `_HLS_msn=${msn}`), true, `${msn}`);
  for (const msn of [10, 11]) assert.equal(verdict(text, `_HLS_msn=${msn}`), false, `${msn}`);
  for (const msn of [12, 1e9]) assert.equal(verdict(text, `_HLS_msn=${msn}`), 'refused', `${msn}`);
});

test('two parts of segment 10 are there, the next are waited for, part 10^9 is refused', () => {
  const parts = (count: number) =>
    Array.from({ length: count }, (_, at) => `#EXT-X-PART:DURATION=1.0,URI="out.${at}.mp4"`);
  const head = playlist(7, 2).replace('#EXT-X-MEDIA', '#EXT-X-PART-INF:PART-TARGET=1.0\n#EXT-X-MEDIA');
  const text = [head + parts(4).join('\n'), '#EXTINF:4.0,', 'out9.ts', ...parts(2), ''].join('\n');
  const cases: [query: string, is: boolean | 'refused'][] = [
    ['_HLS_msn=10&_HLS_part=1', true],
    ['_HLS_msn=10&_HLS_part=2', false],
    ['_HLS_msn=10', false],
    ['_HLS_msn=9', true],
    // Segment 9 has four parts: the fifth is the first of 10.
    ['_HLS_msn=9&_HLS_part=4', true],
    ['_HLS_msn=11&_HLS_part=0', false],
    ['_HLS_msn=10&_HLS_part=1000000000', 'refused'],
    ['_HLS_msn=11&_HLS_part=1000000000', 'refused'],
  ];
  for (const [query, is] of cases) assert.equal(verdict(text, query), is, query);
});

test('what is too far ahead of an encoder that has just begun anew is given its playlist', () => {
  const reload = asked('_HLS_msn=900');
  assert.ok(reload);
  assert.equal(hasCome(reach(playlist(0, 3)), reload, true), true);
});

test('of a playlist that is ended, or says nothing of waiting, any is there', () => {
  assert.equal(verdict(playlist(7, 3, '#EXT-X-ENDLIST'), '_HLS_msn=1000'), true);
  assert.equal(verdict(playlist(7, 3).replace(`${control}\n`, ''), '_HLS_msn=10'), true);
});

test('what is no number, and a part without a segment, is refused', () => {
  for (const query of ['_HLS_msn=-1', '_HLS_msn=x', '_HLS_msn=', '_HLS_msn=1e9', '_HLS_part=1'])
    assert.throws(() => asked(query), SealgateError, query);
  assert.equal(asked('a=b'), undefined);
});

test('a player is held for less than it waits, and for three segments at most', () => {
  const patience = (pace: number, partPace: number, part?: number) =>
    patienceOf({ pace, partPace }, { part });
  assert.equal(patience(6000, 0), 8000);
  assert.equal(patience(2000, 0), 6000);
  assert.equal(patience(4000, 1000, 0), 2560);
  assert.equal(patience(1000, 500, 0), 1200);
  // A whole segment takes longer than its parts.
  assert.equal(patience(6000, 500), 8000);
});

test('one tag is added, and no other character changes', () => {
  for (const end of ['\n', '\r\n']) {
    const pushed = playlist(7, 3).replace(`${control}\n`, '').replaceAll('\n', end);
    const offered = withWaiting(pushed, manifest(pushed));
    assert.equal(offered, pushed.replace(`#EXTM3U${end}`, `#EXTM3U${end}${control}${end}`));
    assert.equal(withWaiting(offered, manifest(offered)), offered);
  }
});

test('what the packager says of the server stays, with waiting behind it', () => {
  const pushed = playlist(7, 3).replace(control, '#EXT-X-SERVER-CONTROL:HOLD-BACK=12.0');
  assert.match(
    withWaiting(pushed, manifest(pushed)),
    /^#EXT-X-SERVER-CONTROL:HOLD-BACK=12.0,CAN-BLOCK-RELOAD=YES$/m,
  );
});

test('of 12 segments and more, players may leave out those before the last six', () => {
  const pushed = playlist(7, 12).replace(`${control}\n`, '');
  assert.match(withWaiting(pushed, manifest(pushed)), /CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=24.0$/m);
});

test('without its old segments a playlist has the newest 24 s, and date ranges', () => {
  const text = playlist(100, 20).replace(
    '#EXTINF:4.000,\nout101.ts',
    '#EXT-X-DATERANGE:ID="ad"\n#EXT-X-KEY:METHOD=NONE\n#EXTINF:4.000,\nout101.ts',
  );
  const lines = withoutOld(text, 24_000).split('\n');
  assert.deepEqual(lines.slice(0, 7), [
    '#EXTM3U',
    '#EXT-X-VERSION:9',
    '#EXT-X-TARGETDURATION:4',
    '#EXT-X-MEDIA-SEQUENCE:100',
    control,
    '#EXT-X-SKIP:SKIPPED-SEGMENTS=14',
    '#EXT-X-DATERANGE:ID="ad"',
  ]);
  assert.deepEqual(lines.slice(7, 9), ['#EXTINF:4.000,', 'out114.ts']);
  assert.equal(lines.filter((line) => line.endsWith('.ts')).length, 6);
});

test('a short playlist is what it was', () => {
  const text = playlist(100, 5);
  assert.equal(withoutOld(text, 24_000), text);
});
