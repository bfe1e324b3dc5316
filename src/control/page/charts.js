// Charts: lines over time, by uPlot, with a sentence that says the newest values.

import uPlot from '/assets/uplot.js';

const dark = matchMedia('(prefers-color-scheme: dark)');
const strokes = () =>
  dark.matches
    ? ['#7db4ff', '#6fd394', '#f0c060', '#ff8a80', '#c9a6ff', '#7fe0e0', '#ffb27d']
    : ['#0b62c4', '#17703a', '#8a5a00', '#b3261e', '#6b3fb0', '#00727a', '#9a4a00'];
/** Besides colour: how lines are told apart. */
const dashes = [[], [8, 4], [2, 3], [10, 3, 2, 3], [4, 4], [14, 4], [1, 4]];
const height = 200;
/** Pixels of an axis label's letter, and of what stands around it. */
const letter = 7;
const around = 24;
/** One form for every label of the time axis: uPlot's own puts the date before the first, over the second. */
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium', hourCycle: 'h23' });

/** Samples that a smoothed line's point is the mean of: half a minute of them. */
const smoothing = 15;

/** Each value as the mean of the measured ones of its last half minute; null where there are none. */
export function smoothed(values) {
  return values.map((_, index) => {
    const measured = values
      .slice(Math.max(0, index - smoothing + 1), index + 1)
      .filter((each) => each !== null);
    return measured.length === 0 ? null : measured.reduce((sum, each) => sum + each, 0) / measured.length;
  });
}

export class Chart {
  #figure;
  #plot;
  #names = '';
  #caption = document.createElement('figcaption');
  #last;

  /** @param figure where it goes. */
  constructor(figure, format) {
    this.#figure = figure;
    this.format = format;
    figure.append(this.#caption);
    new ResizeObserver(() => this.#plot?.setSize({ width: figure.clientWidth, height })).observe(figure);
    dark.addEventListener('change', () => {
      this.#names = '';
      if (this.#last) this.show(...this.#last);
    });
  }

  /** @param times seconds since the epoch. @param series values by name; null where there is none. */
  show(times, series) {
    this.#last = [times, series];
    const names = Object.keys(series);
    const data = [times, ...Object.values(series)];
    if (this.#names === names.join()) this.#plot?.setData(data);
    else this.#make(names, data);
    const said = names.map(
      (name) => `${name} ${this.format(series[name].findLast((value) => value !== null))}`,
    );
    this.#caption.textContent = names.length > 0 ? `Now: ${said.join(', ')}` : 'Nothing yet.';
  }

  #make(names, data) {
    this.#names = names.join();
    this.#plot?.destroy();
    this.#plot = undefined;
    if (names.length === 0) return;
    const ink = getComputedStyle(document.documentElement).getPropertyValue('--quiet');
    const line = getComputedStyle(document.documentElement).getPropertyValue('--line');
    const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line } };
    // As wide as its longest label, or labels lose their first digits.
    const wide = (_, labels) => around + letter * Math.max(0, ...(labels ?? []).map(({ length }) => length));
    const value = (_, raw) => (raw === null || raw === undefined ? '–' : this.format(raw));
    const options = {
      width: this.#figure.clientWidth,
      height,
      cursor: { drag: { x: false, y: false } },
      axes: [
        {
          ...axis,
          space: around + letter * '00:00:00'.length,
          values: (_, splits) => splits.map((seconds) => clock.format(seconds * 1000)),
        },
        { ...axis, size: wide, values: (_, splits) => splits.map((each) => this.format(each)) },
      ],
      series: [
        {},
        ...names.map((label, index) => ({
          label,
          stroke: strokes()[index % strokes().length],
          dash: dashes[index % dashes.length],
          width: 2,
          points: { show: false },
          value,
        })),
      ],
    };
    this.#plot = new uPlot(options, data, this.#figure);
    this.#plot.root.setAttribute('aria-hidden', 'true');
  }
}
