// The page's sections: each takes what the control plane says and puts it where index.html has room for it.

import { age, byId, bytes, element, facts, mark, percent, rows, seconds, short, when } from '/assets/dom.js';

export function headline({ state, rollout, upSeconds, workers, sentinel, openssl }, points) {
  const recent = points.slice(-5);
  const lasted = recent.reduce((sum, point) => sum + point.seconds, 0);
  const per = (count) => recent.reduce((sum, point) => sum + count(point), 0) / Math.max(lasted, 1);
  const sent = per((point) => Object.values(point.bytes).reduce((sum, value) => sum + value, 0));
  const tile = (term, value, more) =>
    element('div', '', element('dt', '', term), element('dd', '', value, element('small', '', more)));
  byId('headline').replaceChildren(
    tile(
      'Server',
      mark(state, state === 'ready' && !sentinel?.alarm ? 'good' : 'bad'),
      `${workers} workers, up ${age(upSeconds)}`,
    ),
    tile('Phase', rollout.phase, `${rollout.percent} % canary, ${rollout.control} % control`),
    tile('Throughput', `${bytes(sent)}/s`, 'all paths, now'),
    tile('Responses', `${short(per(({ responses }) => responses))}/s`, 'now'),
    tile('TLS library', openssl.split(' ').slice(0, 2).join(' '), 'of handshakes and userspace records'),
  );
}

/** All protocols and all ciphers are no restriction. */
function restricts(name, value) {
  return value.length > 0 && value.length < ({ protocols: 2, ciphers: 4 }[name] ?? Number.POSITIVE_INFINITY);
}

export function rollout(view) {
  const restricted = Object.entries(view.slice)
    .filter(([name, value]) => (Array.isArray(value) ? restricts(name, value) : value > 0))
    .map(([name, value]) => [name, [value].flat().join(', ')]);
  facts('rollout', [
    ['Phase', view.phase],
    ['Canary', `${view.percent} % of the slice, ${view.sticky ? 'by client' : 'by connection'}`],
    ['Control', `${view.control} % at all times`],
    ...restricted,
    ['Changed', `${when(view.changed.at)} by ${view.changed.who}: ${view.changed.why}`],
    ...(view.rollback ? [['Rolled back', `${when(view.rollback.at)}; ${lastMove(view.rollback)}`]] : []),
  ]);
}

function lastMove({ lastNewConnectionSeconds: seconds }) {
  return seconds > 0 ? `the last connection moved ${seconds.toFixed(3)} s later` : 'nothing moved since';
}

const tones = { alike: 'good', hold: 'warn', worse: 'bad', insufficient: '' };

export function guard({ verdict, enabled, intervals, coolDownUntil, evidence, comparisons, rollbacks }) {
  const words = {
    insufficient: `Not enough traffic in both groups yet: ${intervals} intervals.`,
    alike: 'The groups are alike.',
    hold: 'The canary is worse, but bearable: no further step.',
    worse: 'The canary is worse.',
  };
  byId('guard').replaceChildren(
    mark(verdict, tones[verdict]),
    ` ${words[verdict]}`,
    enabled ? '' : ' It does not act: guard.enabled is off.',
    coolDownUntil ? ` It waits until ${when(coolDownUntil)}.` : '',
    evidence && coolDownUntil ? ` It rolled back for: ${evidence}.` : '',
    rollbacks > 0 ? ` Rollbacks since the start: ${rollbacks}.` : '',
  );
  rows(
    'comparisons',
    comparisons.map((each) => [
      each.metric,
      measured(each.metric, each.canary),
      measured(each.metric, each.control),
      short(each.p),
      mark(each.verdict, tones[each.verdict]),
    ]),
    'Nothing to compare yet: both groups need enough traffic that the kernel could take.',
  );
}

function measured(metric, value) {
  if (metric === 'cpu-per-byte') return `${short(value * 1e9)} ns/B`;
  return metric.endsWith('-p99') ? seconds(value) : percent(value);
}

/** Whether what could move to the kernel did, and why the rest did not. */
export function activation({ traffic: { canary, fallbacks } }) {
  const { connections: all, movable, moved } = canary;
  facts('activation', [
    ['Canary connections', `${all}`],
    ['with something to move', movable > 0 ? `${movable}, ${percent(movable / all)}` : 'none'],
    ['in the kernel', movable > 0 ? `${moved}, ${percent(moved / movable)} of those` : 'none'],
  ]);
  const reasons = Object.entries(fallbacks).sort(([, a], [, b]) => b - a);
  const sum = reasons.reduce((total, [, count]) => total + count, 0);
  rows(
    'fallbacks',
    reasons.map(([reason, count]) => [reason, `${count}`, percent(count / sum)]),
    'No connection ended in userspace lately.',
  );
}

export function times({ traffic }) {
  const each = ({ p50, p99 }) => `${seconds(p50)}, ${seconds(p99)}`;
  rows(
    'times',
    traffic.times.map(({ delivery, size, responses, firstByte, completion }) => [
      delivery,
      size,
      `${responses}`,
      each(firstByte),
      each(completion),
      traffic.cpuPerByte[delivery] === undefined
        ? 'not sampled'
        : `${short(traffic.cpuPerByte[delivery] * 1e9)} ns/B`,
    ]),
    'No responses lately.',
  );
}

/** What has come to each publishing point. */
export function points({ points: all }) {
  byId('points-section').hidden = all.length === 0;
  const count = (value, tone) => mark(`${value ?? 0}`, value > 0 ? tone : '');
  const time = (value) => (value === undefined ? '–' : seconds(value));
  rows(
    'points',
    all.map(({ name, totals, refused }) => [
      name,
      time(totals.newest_age),
      time(totals.delay),
      `${totals.segments ?? 0}`,
      count(totals.late, 'warn'),
      count(totals.missing, 'warn'),
      count(
        Object.values(refused).reduce((sum, each) => sum + each, 0),
        'bad',
      ),
      `${totals.growing_reads ?? 0}`,
    ]),
    'No segment yet.',
  );
}

/** What mirrors keep, and what their upstreams were asked for. */
export function mirrors({ mirrors: all, upstreams }) {
  byId('mirrors-section').hidden = all.length === 0;
  const count = (value, tone) => mark(`${value}`, value > 0 ? tone : '');
  rows(
    'mirrors',
    all.map(({ site, bucket, prefix, bytes: kept, maxBytes, objects, evicted }) => [
      site,
      prefix === '' ? bucket : `${bucket}/${prefix}`,
      bytes(kept),
      maxBytes === undefined ? '–' : `${percent(kept / maxBytes)} of ${bytes(maxBytes)}`,
      `${objects}`,
      `${evicted.objects} (${bytes(evicted.bytes)})`,
      count(evicted.passed, 'warn'),
    ]),
    'No mirror.',
  );
  rows(
    'upstreams',
    upstreams.map(({ name, fetches, ...its }) => {
      const { whole = 0, 'not-modified': unchanged = 0, absent = 0, canceled = 0, offline = 0 } = fetches;
      const { described = 0, answered = 0 } = fetches;
      const fine = whole + unchanged + absent + canceled + offline + described + answered;
      const asked = Object.values(fetches).reduce((sum, each) => sum + each, 0);
      return [
        name,
        state(its),
        percent(its.hitShare, '–'),
        `${whole}`,
        `${unchanged}`,
        `${absent}`,
        count(asked - fine, 'warn'),
        count(its.mismatches, 'bad'),
        bytes(its.bytes),
        its.waiting > 0 ? `${its.underWay}, ${its.waiting} wait` : `${its.underWay}`,
      ];
    }),
    'No upstream.',
  );
}

function state({ isOffline, isLeftAlone }) {
  if (isOffline) return mark('offline', 'warn');
  return isLeftAlone ? mark('left alone', 'bad') : mark('in order', 'good');
}

/** The largest repositories of registries. */
export function repositories({ repositories: all }) {
  byId('repositories-section').hidden = all.length === 0;
  rows(
    'repositories',
    all.map(({ bucket, repository, tags, manifests, freeBytes, pushed, pulls, ...its }) => [
      `${bucket}/${repository}`,
      `${tags}`,
      `${manifests}`,
      bytes(its.bytes),
      bytes(its.totalBytes),
      bytes(freeBytes),
      pushed === undefined ? '–' : when(pushed),
      pulls === undefined ? '–' : `${pulls}`,
    ]),
    'No repository.',
  );
}

/** What builds have asked their caches for since the start. */
export function builds({ builds: all }) {
  byId('builds-section').hidden = all.length === 0;
  const count = (value) => mark(`${value}`, value > 0 ? 'warn' : '');
  rows(
    'builds',
    all.map(({ site, hits, misses, incomplete, stored, storedBytes, refused, maxBytes, evicted, ...its }) => [
      site,
      `${hits}`,
      `${misses}`,
      count(incomplete),
      hits + misses > 0 ? percent(hits / (hits + misses)) : '–',
      `${stored} (${bytes(storedBytes)})`,
      count(refused.results),
      count(refused.blobs),
      bytes(its.bytes),
      maxBytes === undefined ? '–' : `${percent(its.bytes / maxBytes)} of ${bytes(maxBytes)}`,
      `${evicted.objects} (${bytes(evicted.bytes)})`,
    ]),
    'No build cache.',
  );
}

/** What was answered for each site since the start. */
export function sites({ sites: all }) {
  byId('sites-section').hidden = all.length === 0;
  const sum = (counts) => counts.reduce((total, count) => total + count, 0);
  const failed = (count, tone) => mark(`${count}`, count > 0 ? tone : '');
  rows(
    'sites',
    all.map(({ name, responses, sentBytes, receivedBytes, cut }) => [
      name,
      `${sum(Object.values(responses))}`,
      bytes(sentBytes),
      bytes(receivedBytes),
      failed(responses['4xx'] ?? 0, ''),
      failed(responses['5xx'] ?? 0, 'bad'),
      failed(cut, 'warn'),
    ]),
    'No responses yet.',
  );
}

/** What media players said of their playback; without any there is no section. */
export function players({ players: all }) {
  byId('players-section').hidden = all.length === 0;
  const said = (spread, text) => (spread ? `${text(spread.p50)}, ${text(spread.p10)}` : '–');
  rows(
    'players',
    all.map(({ name, requests, starved, startup, buffer, throughput, latency }) => [
      name,
      `${requests}`,
      mark(`${starved} (${percent(starved / requests)})`, starved > 0 ? 'warn' : ''),
      `${startup}`,
      said(buffer, (value) => `${short(value)} s`),
      said(throughput, (bits) => `${short(bits / 1e6)} Mbit/s`),
      latency ? seconds(latency.p50) : '–',
    ]),
    'No player yet.',
  );
}

export function matrix(found) {
  const word = (each) => (each?.works ? mark('yes', 'good') : element('span', '', 'no'));
  const sending = found.filter(({ direction }) => direction === 'tx');
  rows(
    'matrix',
    sending.map((tx) => {
      const rx = found.find(
        (each) => each.direction === 'rx' && each.protocol === tx.protocol && each.cipher === tx.cipher,
      );
      const rekeys = tx.rekeys && rx?.rekeys ? mark('yes', 'good') : element('span', '', 'no');
      return [tx.protocol, tx.cipher, word(tx), word(rx), tx.protocol === 'TLSv1.3' ? rekeys : '–'];
    }),
    'Nothing was tried: ktls.mode is off.',
  );
}

export function store({
  store: { root, freeBytes, bytes: all },
  buckets,
  sentinel,
  scrub,
  collection,
  purges,
}) {
  const low = freeBytes < all * 0.05;
  const ways = Object.entries(sentinel?.ways ?? {});
  facts('store', [
    ['Folder', root],
    ['Free', mark(`${bytes(freeBytes)} of ${bytes(all)}`, low ? 'bad' : ''), low ? ' nearly full' : ''],
    ...buckets.slice(0, bucketsShown).map(bucket),
    ...ways.map(([way, { same, failed, mismatched }]) => [
      `By ${way}`,
      `${same} right, ${failed} failed, `,
      mark(`${mismatched} wrong`, mismatched > 0 ? 'bad' : ''),
    ]),
    ['Damaged blobs', mark(`${sentinel?.damagedBlobs ?? 0}`, sentinel?.damagedBlobs ? 'bad' : '')],
    ...scrubbed(scrub),
    ...collected(collection),
    ...purges.map(purge),
  ]);
}

/** The largest buckets; the command line shows all. */
const bucketsShown = 12;

/** What a bucket keeps, and how near it is to what it may keep. */
function bucket({ name, usage, quota }) {
  const limits = [
    [usage.bytes, quota?.bytes, bytes],
    [usage.objects, quota?.objects, (count) => `${count} objects`],
  ].filter(([, limit]) => limit !== undefined);
  const near = ([used, limit]) => used >= limit * 0.95;
  return [
    `Bucket ${name}`,
    `${usage.objects} objects, ${bytes(usage.bytes)}`,
    ...limits.flatMap(([used, limit, said]) => [
      ', ',
      mark(`quota ${said(limit)}`, near([used, limit]) ? 'warn' : ''),
    ]),
  ];
}

/** What a hook has told a cache, and what waits. */
function purge({ name, names, since, everything, sent, fault }) {
  const waits = everything === undefined ? `${names} wait` : 'everything waits';
  const oldest = since === undefined ? '' : `, the oldest since ${when(since)}`;
  const told = fault === undefined ? mark('told', 'good') : mark(fault, 'bad');
  return [`Purges, ${name}`, told, `: ${sent} requests, ${waits}${oldest}`];
}

/** What collection has freed since the start, and how its last round ended. */
function collected({ running, last, freed, waitingBytes }) {
  const failed = last?.collected?.failed.length ?? 0;
  let how = failed > 0 ? mark(`${failed} blobs not removed`, 'warn') : mark('in order', '');
  if (!last) how = 'none yet';
  else if (last.fault) how = mark(last.fault, 'bad');
  return [
    ['Freed since the start', `${freed.blobs} blobs, ${bytes(freed.bytes)}`],
    ['May be freed later', bytes(waitingBytes)],
    ['Last collection', last ? `${when(last.ended)}: ` : '', how, running ? ', one is running' : ''],
  ];
}

const lost = ['damaged', 'missing', 'unreadable', 'misplaced'];

/** How far the scrub has come, and what it found. */
function scrubbed(scrub) {
  if (!scrub) return [['Scrub', 'off']];
  const { pass, last, trouble, late } = scrub;
  const found = (pass ?? last)?.found ?? {};
  const states = Object.entries(found).flatMap(([state, count]) => [
    mark(`${count} ${state}`, lost.includes(state) ? 'bad' : 'warn'),
    ' ',
  ]);
  const read = ({ blobs, bytes: count }) => `${blobs} blobs, ${bytes(count)}`;
  const now = pass
    ? `${percent(pass.progress)} since ${when(pass.began)}: ${read(pass)}`
    : 'waiting for its turn';
  return [
    ['Scrub', trouble ? mark(trouble, 'bad') : now, late ? mark(' late', 'warn') : ''],
    ['Last scrub', last ? `${when(last.ended)}: ${read(last)}` : 'none yet'],
    ['Scrub found', ...(states.length > 0 ? states : ['nothing'])],
  ];
}

export function diagnosis({ symptoms, windowSeconds }) {
  const told = symptoms.map(({ name, seen, cause, remedy }) =>
    element(
      'div',
      'symptom',
      element('h3', '', name),
      element('p', '', seen),
      element('p', '', cause),
      element('p', '', `→ ${remedy}`),
    ),
  );
  const calm = element('p', '', `Nothing odd in the last ${Math.round(windowSeconds)} s.`);
  const before = byId('diagnosis').dataset.names;
  const names = symptoms.map(({ name, seen }) => name + seen).join() || 'calm';
  // What has not changed is not said again.
  if (before === names) return;
  byId('diagnosis').dataset.names = names;
  byId('diagnosis').replaceChildren(...(told.length > 0 ? told : [calm]));
}

const severities = { ok: 'good', info: '', warn: 'warn', fail: 'bad' };

/** What needs somebody first; what is in order stands folded up behind it. */
export function doctor(findings) {
  const item = ({ severity, area, found, meaning, remedy }) =>
    element(
      'li',
      '',
      mark(severity, severities[severity]),
      ` ${area}: ${found}`,
      ...(severity !== 'ok' && meaning ? [element('span', 'more', meaning)] : []),
      ...(remedy ? [element('span', 'more', `→ ${remedy}`)] : []),
    );
  const order = ['fail', 'warn', 'info'];
  const notable = order.flatMap((each) => findings.filter(({ severity }) => severity === each));
  const fine = findings.filter(({ severity }) => severity === 'ok');
  const folded = element(
    'details',
    '',
    element('summary', '', `${fine.length} checks are in order`),
    element('ul', '', ...fine.map(item)),
  );
  byId('doctor').replaceChildren(
    notable.length > 0 ? element('ul', '', ...notable.map(item)) : element('p', '', 'Nothing to do.'),
    folded,
  );
}

export function connections(live) {
  const owner = ({ by, reason }) => (by === 'kernel' ? mark('kernel', 'good') : reason || by || '–');
  rows(
    'connections',
    live
      .slice(0, 50)
      .map((each) => [
        each.peer,
        each.state,
        each.group || '–',
        each.suite || '–',
        owner(each.tx),
        owner(each.rx),
        bytes(each.sent),
        age(each.ageSeconds),
      ]),
    'No connections.',
  );
}

export function audit(entries) {
  const what = ({ action, state }) => (state ? `${action}: ${state.phase}, ${state.percent} %` : action);
  rows(
    'audit',
    entries.slice(0, 20).map((entry) => [when(entry.at), entry.who, what(entry), entry.why]),
    'No changes.',
  );
}
