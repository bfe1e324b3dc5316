// What the page's sections share: elements from text (never from markup), tables, and values as people read
// them.

export const byId = (id) => document.getElementById(id);

export function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/** Colour is never the only sign: the word goes with it. */
export function mark(word, tone) {
  return element('span', `mark ${tone}`, word);
}

export function facts(id, pairs) {
  byId(id).replaceChildren(
    ...pairs.flatMap(([term, ...said]) => [element('dt', '', term), element('dd', '', ...said)]),
  );
}

/** Fills a table's body. Each cell names its column: on a phone a row is a card of such pairs. */
export function rows(id, all, empty) {
  const table = byId(id);
  const columns = [...table.tHead.rows[0].cells].map((head) => head.textContent);
  const cell = (content, index) => {
    const made = element('td', '', element('div', '', content));
    made.dataset.column = columns[index] ?? '';
    return made;
  };
  const none = element('td', 'none', empty);
  none.colSpan = columns.length;
  const made = all.map((row) => element('tr', '', ...row.map(cell)));
  table.tBodies[0].replaceChildren(...(made.length > 0 ? made : [element('tr', '', none)]));
}

export function bytes(value) {
  if (value === null || value === undefined) return 'none';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const step = Math.min(Math.floor(Math.log2(Math.max(value, 1)) / 10), units.length - 1);
  return `${(value / 1024 ** step).toFixed(step === 0 ? 0 : 1)} ${units[step]}`;
}

export const short = (value) =>
  value === null || value === undefined ? 'none' : `${Number(Number(value).toPrecision(3))}`;

/** @param share 0 to 1. */
export const percent = (share, none = 'no traffic') =>
  Number.isFinite(share) ? `${(share * 100).toFixed(1)} %` : none;

/** @param value seconds, of a measured time. */
export function seconds(value) {
  if (value === null || value === undefined) return 'none';
  if (value < 1e-3) return `${short(value * 1e6)} µs`;
  return value < 1 ? `${short(value * 1e3)} ms` : `${short(value)} s`;
}

export function when(iso) {
  return new Date(iso).toLocaleString(undefined, { dateStyle: 'short', timeStyle: 'medium' });
}

/** @param value seconds that something has lasted. */
export function age(value) {
  if (value < 120) return `${Math.round(value)} s`;
  return value < 7200 ? `${Math.round(value / 60)} min` : `${Math.round(value / 3600)} h`;
}
