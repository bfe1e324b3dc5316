// The dashboard: asks the control plane every two seconds while it is looked at, and shows what it says.

import { answer, share } from '/assets/answer.js';
import { get, post, setToken, TokenNeeded } from '/assets/api.js';
import { Chart, smoothed } from '/assets/charts.js';
import { byId, bytes, seconds, short } from '/assets/dom.js';
import * as sections from '/assets/sections.js';

const everyMs = 2000;
/** The doctor takes a while and changes little. */
const doctorEveryMs = 120_000;

const charts = {
  paths: new Chart(byId('paths-chart'), (value) => `${bytes(value)}/s`),
  errors: new Chart(byId('errors-chart'), (value) => `${short(value)}/s`),
  cpu: new Chart(byId('cpu-chart'), (value) => `${short(value)} ns/B`),
  latency: new Chart(byId('latency-chart'), seconds),
};
let current;
let findings;
let doctorAt = Number.NEGATIVE_INFINITY;

async function refresh() {
  const [status, history, live, diagnosis, audit] = await Promise.all(
    ['/status', '/history', '/connections', '/diagnosis', '/audit'].map(get),
  );
  current = status.rollout;
  byId('token-form').hidden = true;
  byId('main').hidden = false;
  answer(status, diagnosis, findings);
  share(status);
  sections.headline(status, history.points);
  sections.rollout(status.rollout);
  sections.guard(status.guard);
  sections.activation(status);
  sections.points(status);
  sections.mirrors(status);
  sections.repositories(status);
  sections.builds(status);
  sections.sites(status);
  sections.players(status);
  sections.times(status);
  sections.matrix(status.ktls);
  sections.store(status);
  sections.diagnosis(diagnosis);
  sections.connections(live.connections);
  sections.audit(audit.entries);
  draw(history.points);
}

function draw(points) {
  const times = points.map(({ at }) => at / 1000);
  const names = (key) => [...new Set(points.flatMap((point) => Object.keys(point[key])))].sort();
  const rates = (key) =>
    Object.fromEntries(
      names(key).map((name) => [name, points.map((point) => (point[key][name] ?? 0) / point.seconds)]),
    );
  charts.paths.show(times, rates('bytes'));
  charts.errors.show(times, rates('errors'));
  const groups = ['canary', 'control'];
  const lines = (value) => {
    const found = groups.map((group) => [group, smoothed(points.map((point) => value(point, group)))]);
    return Object.fromEntries(found.filter(([, values]) => values.some((each) => each !== null)));
  };
  charts.cpu.show(
    times,
    lines((point, group) => scaled(point[group], 1e9)),
  );
  charts.latency.show(
    times,
    lines((point, group) => point.p99[group]?.completion ?? null),
  );
}

/** null where nothing was measured: a chart draws no line there. */
const scaled = (value, factor) => (value === undefined ? null : value * factor);

async function askDoctor() {
  if (performance.now() - doctorAt < doctorEveryMs) return;
  doctorAt = performance.now();
  findings = (await get('/doctor')).findings;
  sections.doctor(findings);
}

async function loop() {
  try {
    if (!document.hidden) {
      await refresh();
      byId('freshness').textContent = 'Live';
      askDoctor().catch(() => {});
    }
  } catch (error) {
    if (error instanceof TokenNeeded) return askForToken(error.message);
    byId('freshness').textContent = `No answer: ${error.message}. Trying again.`;
  }
  setTimeout(loop, everyMs);
}

function askForToken(message) {
  byId('main').hidden = true;
  byId('token-form').hidden = false;
  byId('token-error').textContent = message;
  byId('freshness').textContent = 'Waiting for a token';
  byId('token').value = '';
  byId('token').focus();
}

byId('token-form').addEventListener('submit', (event) => {
  event.preventDefault();
  setToken(byId('token').value.trim());
  loop();
});

/** Opens a dialog; `apply` is called when it is confirmed, and it stays open with what went wrong. */
function confirmed(dialog, errorId, apply) {
  byId(errorId).textContent = '';
  dialog.showModal();
  dialog.querySelector('form').onsubmit = async (event) => {
    if (event.submitter?.value !== 'apply') return;
    event.preventDefault();
    try {
      await apply();
      dialog.close();
      await refresh();
    } catch (error) {
      byId(errorId).textContent = error.message;
    }
  };
}

byId('change').addEventListener('click', () => {
  byId('phase').value = current.phase;
  byId('percent').value = current.percent;
  byId('change-why').value = '';
  byId('force').checked = false;
  confirmed(byId('change-dialog'), 'change-error', () =>
    post('/rollout', {
      phase: byId('phase').value,
      percent: byId('percent').valueAsNumber,
      why: byId('change-why').value,
      ...(byId('force').checked && { force: true }),
    }),
  );
});

byId('roll-back').addEventListener('click', () => {
  byId('back-why').value = '';
  confirmed(byId('back-dialog'), 'back-error', () =>
    post('/rollout/rollback', { why: byId('back-why').value }),
  );
});

loop();
