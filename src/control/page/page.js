// The dashboard: asks the control plane every two seconds while it is looked at, and shows what it says.

import { get, post, setToken, TokenNeeded } from '/assets/api.js';
import { Chart } from '/assets/charts.js';
import * as sections from '/assets/sections.js';

const everyMs = 2000;
/** The doctor takes a while and changes little. */
const doctorEveryMs = 120_000;

const byId = (id) => document.getElementById(id);
const charts = {
  paths: new Chart(byId('paths-chart'), (value) => `${sections.bytes(value)}/s`),
  errors: new Chart(byId('errors-chart'), (value) => `${sections.short(value)}/s`),
  cpu: new Chart(byId('cpu-chart'), (value) => `${sections.short(value)} ns/B`),
};
let current;
let doctorAt = Number.NEGATIVE_INFINITY;

async function refresh() {
  const [status, history, live, diagnosis, audit] = await Promise.all(
    ['/status', '/history', '/connections', '/diagnosis', '/audit'].map(get),
  );
  current = status.rollout;
  byId('token-form').hidden = true;
  byId('main').hidden = false;
  sections.headline(status, history.points);
  sections.rollout(status.rollout);
  sections.guard(status.guard);
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
  const group = (name) => points.map((point) => (point[name] === undefined ? null : point[name] * 1e9));
  const compared = points.some(({ canary, control }) => canary !== undefined || control !== undefined);
  charts.cpu.show(times, compared ? { canary: group('canary'), control: group('control') } : {});
}

async function askDoctor() {
  if (performance.now() - doctorAt < doctorEveryMs) return;
  doctorAt = performance.now();
  sections.doctor((await get('/doctor')).findings);
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
