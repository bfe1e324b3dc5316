// Plots: an SVG bar chart of each scenario.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import * as echarts from 'echarts';
import type { Row } from './results.ts';
import { short } from './table.ts';

const width = 720;
const barHeight = 28;
const margins = 90;
/** Average width of a letter in the axis labels, pixels. */
const letterWidth = 7;
const colors = { ours: '#1b6ca8', others: '#b8c4ce' };

/** Replaces the folder's contents by SCENARIO.svg for each scenario that has values. */
export function writePlots(folder: string, rows: Row[]): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const scenario of new Set(rows.map((row) => row.scenario))) {
    const measured = rows.filter((row) => row.scenario === scenario && row.value !== undefined);
    if (measured.length === 0) continue;
    writeFileSync(`${folder}/${scenario.replaceAll(' ', '-')}.svg`, plotOf(scenario, measured));
  }
}

function plotOf(scenario: string, rows: Row[]): string {
  const units = new Set(rows.map(({ unit }) => unit));
  // Estimated, because text cannot be measured without a browser.
  const namesWidth = 16 + letterWidth * Math.max(...rows.map(({ server }) => server.length));
  return svgOf(width, margins + rows.length * barHeight, {
    title: { text: `${scenario}, ${[...units].join(', ')}`, subtext: 'less is better; median of the rounds' },
    grid: { left: namesWidth, right: 64, top: 64, bottom: 24 },
    xAxis: { type: 'value' },
    // ECharts draws the first category at the bottom unless inverted.
    yAxis: { type: 'category', inverse: true, data: rows.map(({ server }) => server) },
    series: [{ type: 'bar', data: rows.map(barOf), barWidth: '60%' }],
  });
}

/** Draws a chart; width and height in pixels. */
export function svgOf(width: number, height: number, option: echarts.EChartsOption): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height });
  chart.setOption({ animation: false, ...option });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

function barOf({ server, value = 0 }: Row) {
  return {
    value,
    itemStyle: { color: server.startsWith('sealgate') ? colors.ours : colors.others },
    label: { show: true, position: 'right' as const, formatter: short(value) },
  };
}
