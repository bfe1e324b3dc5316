// The first screen. It answers two questions: is kernel TLS better here, and is anything wrong?

import { age, byId, bytes, element, mark, percent, when } from '/assets/dom.js';

/** A canary that costs this much less a byte than the control group is called cheaper. */
const cheaper = 0.95;

export function answer(status, diagnosis, findings) {
  const [word, tone, ...reasons] = better(status);
  byId('better').replaceChildren(
    element('p', 'verdict', mark(word, tone)),
    ...reasons.map((reason) => element('p', '', reason)),
  );
  const faults = wrong(status, diagnosis, findings);
  byId('wrong').replaceChildren(
    element('p', 'verdict', faults.length === 0 ? mark('Nothing', 'good') : worst(faults)),
    faults.length === 0
      ? element('p', '', `Nothing odd in the last ${age(diagnosis.windowSeconds)}.`)
      : element('ul', 'faults', ...faults.map(([, said, link]) => fault(said, link))),
  );
}

/** The verdict in a word, its tone, and sentences that say why. */
function better({ rollout, guard }) {
  const { ktls, phase, changed } = rollout;
  if (!ktls.works)
    return [
      'It is not here',
      'warn',
      `There is none: ${ktls.reason}. Userspace TLS carries all traffic.`,
      doctorWord,
    ];
  if (phase === 'instrument' && changed.who === 'guard')
    return ['No: it was rolled back', 'bad', `${when(changed.at)}, for: ${changed.why}.`];
  if (phase === 'instrument')
    return ['Not tried', 'warn', 'All traffic is userspace TLS, and measured. “Change…” starts a canary.'];
  return judged(guard);
}

const doctorWord = 'The doctor below says what it would take.';

function judged({ verdict, intervals, comparisons }) {
  const figures = comparisons
    .filter(({ canary, control }) => control > 0 && Number.isFinite(canary))
    .map(({ metric, canary, control }) => `${metric} ${times(canary / control)}`);
  const compared = figures.length > 0 ? `The canary against the control group: ${figures.join(', ')}.` : '';
  if (verdict === 'insufficient') {
    const waits = `${intervals} intervals with enough traffic in both groups so far.`;
    return ['Not known yet', 'warn', waits, ...[compared].filter(Boolean)];
  }
  if (verdict === 'worse') return ['No', 'bad', compared];
  if (verdict === 'hold') return ['A little worse', 'warn', compared, 'Bearable: no further step.'];
  const cpu = comparisons.find(({ metric }) => metric === 'cpu-per-byte');
  return cpu && cpu.control > 0 && cpu.canary / cpu.control < cheaper
    ? ['Yes, it costs less', 'good', compared]
    : ['No worse', 'good', compared];
}

const times = (ratio) => `${ratio.toPrecision(2)} times`;

/** What is wrong, the gravest first: its tone, a sentence, and the section that says more. */
function wrong({ state, sentinel, guard, store, rollout }, { symptoms }, findings = []) {
  const found = [];
  const say = (tone, said, link) => found.push([tone, said, link]);
  if (sentinel?.alarm) say('bad', sentinel.alarm, 'store');
  if (state !== 'ready') say('bad', `The server is ${state}.`);
  if (sentinel?.damagedBlobs > 0) say('bad', `${sentinel.damagedBlobs} blobs were damaged.`, 'store');
  if (store.freeBytes < store.bytes * 0.05)
    say('bad', `${bytes(store.freeBytes)} of disk are left.`, 'store');
  for (const { severity, found: said } of findings)
    if (severity === 'fail') say('bad', `Doctor: ${said}`, 'doctor');
  if (guard.coolDownUntil)
    say('warn', `The guard rolled back and waits until ${when(guard.coolDownUntil)}.`, 'guard');
  if (!guard.enabled && rollout.phase !== 'instrument') say('warn', 'The guard is off.', 'guard');
  for (const { name } of symptoms) say('warn', name, 'diagnosis');
  return found.sort(([a], [b]) => a.localeCompare(b));
}

function worst(faults) {
  const bad = faults.filter(([tone]) => tone === 'bad').length;
  return bad > 0 ? mark(`Yes: ${faults.length}`, 'bad') : mark(`Something is odd: ${faults.length}`, 'warn');
}

function fault(said, link) {
  if (!link) return element('li', '', said);
  const anchor = element('a', '', said);
  anchor.href = `#${link}-title`;
  return element('li', '', anchor);
}

/** The share of bytes by kernel TLS: lately, since the last change, and since the start. */
export function share({ traffic }) {
  const { change, start } = traffic.since;
  const sent = (each) => percent(each.share.sent.ratio, '–');
  const received = (each) => percent(each.share.received.ratio, 'none');
  byId('share').replaceChildren(
    element('p', 'verdict', percent(traffic.share.sent.ratio)),
    element('p', '', `of the bytes sent over TLS in the last ${age(traffic.seconds)}.`),
    element('p', '', `Since the last change (${age(change.seconds)}) ${sent(change)}, `, total(start, sent)),
    element('p', '', `Received: ${received(traffic)} lately, ${received(start)} in total.`),
  );
}

const total = (start, sent) => `since the start (${age(start.seconds)}) ${sent(start)}.`;
