// The page's sections: each takes what the control plane says and puts it where index.html has room for it.
// Text is set as text, never as markup.

const byId = (id) => document.getElementById(id);

function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

export function bytes(value) {
  if (value === null || value === undefined) return 'none';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const step = Math.min(Math.floor(Math.log2(Math.max(value, 1)) / 10), units.length - 1);
  return `${(value / 1024 ** step).toFixed(step === 0 ? 0 : 1)} ${units[step]}`;
}

export const short = (value) =>
  value === null || value === undefined ? 'none' : `${Number(Number(value).toPrecision(3))}`;
const percent = (share) => (Number.isFinite(share) ? `${(share * 100).toFixed(1)} %` : 'no traffic');

/** Colour is never the only sign: the word goes with it. */
function mark(word, tone) {
  return element('span', `mark ${tone}`, word);
}

function facts(id, pairs) {
  byId(id).replaceChildren(
    ...pairs.flatMap(([term, ...said]) => [element('dt', '', term), element('dd', '', ...said)]),
  );
}

function rows(id, all, empty) {
  const cells = (row) => element('tr', '', ...row.map((cell) => element('td', '', cell)));
  const none = element('td', '', empty);
  none.colSpan = 9;
  byId(id).tBodies[0].replaceChildren(...(all.length > 0 ? all.map(cells) : [element('tr', '', none)]));
}

export function headline({ state, rollout, upSeconds, workers, sentinel, openssl }, points) {
  const recent = points.slice(-5);
  const seconds = recent.reduce((sum, point) => sum + point.seconds, 0);
  const sent = (prefix) =>
    recent
      .flatMap((point) => Object.entries(point.bytes))
      .reduce((sum, [path, count]) => sum + (path.startsWith(prefix) ? count : 0), 0);
  const encrypted = sent('ktls') + sent('tls');
  const alarm = sentinel?.alarm;
  const tile = (term, value, more) =>
    element('div', '', element('dt', '', term), element('dd', '', value, element('small', '', more)));
  byId('headline').replaceChildren(
    tile(
      'Server',
      mark(alarm ? 'alarm' : state, state === 'ready' && !alarm ? 'good' : 'bad'),
      alarm ?? `${workers} workers, up ${age(upSeconds)}`,
    ),
    tile(
      'Kernel TLS',
      rollout.ktls.works ? mark('possible', 'good') : mark('not here', 'warn'),
      rollout.ktls.reason || openssl,
    ),
    tile('Phase', rollout.phase, `${rollout.percent} % canary, ${rollout.control} % control`),
    tile('By the kernel', percent(sent('ktls') / encrypted), 'of bytes over TLS, now'),
    tile('Throughput', `${bytes((encrypted + sent('plain')) / Math.max(seconds, 1))}/s`, 'all paths, now'),
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
    ...(view.rollback
      ? [
          [
            'Rolled back',
            `${when(view.rollback.at)}; the last connection moved ${view.rollback.lastNewConnectionSeconds.toFixed(3)} s later`,
          ],
        ]
      : []),
  ]);
}

const tones = { alike: 'good', hold: 'warn', worse: 'bad', insufficient: '' };

export function guard({ verdict, enabled, intervals, coolDownUntil, evidence, comparisons }) {
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
    evidence ? ` It rolled back for: ${evidence}.` : '',
  );
  rows(
    'comparisons',
    comparisons.map((each) => [
      each.metric,
      short(each.canary),
      short(each.control),
      short(each.p),
      mark(each.verdict, tones[each.verdict]),
    ]),
    'Nothing to compare yet.',
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

export function store({ store: { root, freeBytes, bytes: all }, sentinel }) {
  const low = freeBytes < all * 0.05;
  const ways = Object.entries(sentinel?.ways ?? {});
  facts('store', [
    ['Folder', root],
    ['Free', mark(`${bytes(freeBytes)} of ${bytes(all)}`, low ? 'bad' : ''), low ? ' nearly full' : ''],
    ...ways.map(([way, { same, failed, mismatched }]) => [
      `By ${way}`,
      `${same} right, ${failed} failed, `,
      mark(`${mismatched} wrong`, mismatched > 0 ? 'bad' : ''),
    ]),
    ['Damaged blobs', mark(`${sentinel?.damagedBlobs ?? 0}`, sentinel?.damagedBlobs ? 'bad' : '')],
  ]);
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

export function doctor(findings) {
  const areas = Map.groupBy(findings, ({ area }) => area);
  const item = ({ severity, found, meaning, remedy }) =>
    element(
      'li',
      '',
      mark(severity.padEnd(4), severities[severity]),
      ` ${found}`,
      ...(severity !== 'ok' && meaning ? [element('span', 'more', meaning)] : []),
      ...(remedy ? [element('span', 'more', `→ ${remedy}`)] : []),
    );
  byId('doctor').replaceChildren(
    ...[...areas].flatMap(([area, found]) => [
      element('h3', 'area', area),
      element('ul', '', ...found.map(item)),
    ]),
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

function when(iso) {
  return new Date(iso).toLocaleString(undefined, { dateStyle: 'short', timeStyle: 'medium' });
}

function age(seconds) {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
