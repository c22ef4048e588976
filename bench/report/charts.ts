import { scaleBand, scaleLinear, scaleLog } from "d3-scale";
import { element, picture, text } from "./svg.ts";

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** Drawn in the colour of ours. */
  readonly ours: boolean;
}

const OURS = "#0b7285";
const OTHER = "#adb5bd";
const COLOURS = ["#c92a2a", "#0b7285", "#5f3dc4", "#2b8a3e", "#e8590c", "#1864ab", "#a61e4d", "#868e96"];
const GRID = "#e5e5e5";

/** Horizontal bars, each with its figure beside it. */
export function barChart(title: string, unit: string, bars: readonly Bar[]): string {
  const [width, left, right, top, row] = [640, 170, 70, 40, 26];
  const height = top + bars.length * row + 12;
  const x = scaleLinear([0, Math.max(...bars.map((bar) => bar.value))], [left, width - right]);
  const y = scaleBand(
    bars.map((bar) => bar.label),
    [top, top + bars.length * row],
  ).padding(0.25);
  const rows = bars.flatMap((bar) => {
    const middle = y(bar.label)! + y.bandwidth() / 2 + 4;
    return [
      text(bar.label, left - 8, middle, { "text-anchor": "end" }),
      element("rect", {
        x: left,
        y: y(bar.label)!,
        width: Math.max(1, x(bar.value) - left),
        height: y.bandwidth(),
        fill: bar.ours ? OURS : OTHER,
      }),
      text(significant(bar.value), x(bar.value) + 6, middle),
    ];
  });
  return picture(width, height, title, text(`${title} (${unit})`, 12, 22, { class: "title" }), ...rows);
}

export interface Series {
  readonly label: string;
  readonly ours: boolean;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** Lines on two logarithmic axes: a power law is a straight line, its exponent the slope. */
export function logChart(title: string, xName: string, yName: string, series: readonly Series[]): string {
  const [width, height, left, right, top, bottom] = [820, 400, 70, 320, 40, 50];
  const all = series.flatMap((s) => s.points.filter(([a, b]) => a > 0 && b > 0));
  const extent = (pick: 0 | 1): [number, number] => [
    Math.min(...all.map((p) => p[pick])),
    Math.max(...all.map((p) => p[pick])),
  ];
  const x = scaleLog(extent(0), [left, width - right]);
  const y = scaleLog(extent(1), [height - bottom, top]).nice();
  const xTicks = [...new Set(all.map(([value]) => value))].sort((a, b) => a - b);
  const yTicks = y.ticks(5).filter((tick) => /^1/.test(tick.toExponential()));
  const parts = [
    text(title, 12, 22, { class: "title" }),
    ...xTicks.map((tick) => text(String(tick), x(tick), height - bottom + 18, { "text-anchor": "middle" })),
    ...yTicks.flatMap((tick) => [
      element("line", { x1: left, x2: width - right, y1: y(tick), y2: y(tick), stroke: GRID }),
      text(shorten(tick), left - 8, y(tick) + 4, { "text-anchor": "end" }),
    ]),
    text(xName, (left + width - right) / 2, height - 12, { "text-anchor": "middle", class: "soft" }),
    text(yName, 12, top - 4 + 0, {
      class: "soft",
      transform: `rotate(-90 12 ${top - 4}) translate(${-(height - top - bottom) / 2 - 20} 2)`,
    }),
  ];
  let next = 0;
  const ends: number[] = [];
  for (const { label, ours, points } of series) {
    const colour = COLOURS[next++ % COLOURS.length]!;
    const drawn = points.filter(([a, b]) => a > 0 && b > 0);
    if (drawn.length === 0) continue;
    const d = drawn.map(([a, b], i) => `${i === 0 ? "M" : "L"}${x(a).toFixed(1)} ${y(b).toFixed(1)}`).join("");
    parts.push(
      element("path", {
        d,
        fill: "none",
        stroke: colour,
        "stroke-width": 2,
        ...(ours ? {} : { "stroke-dasharray": "5 4" }),
      }),
    );
    for (const [a, b] of drawn) parts.push(element("circle", { cx: x(a), cy: y(b), r: 3, fill: colour }));
    const [, last] = drawn.at(-1)!;
    let at = y(last) + 4;
    while (ends.some((end) => Math.abs(end - at) < 13)) at += 4; // labels do not cover each other
    ends.push(at);
    parts.push(text(label, x(drawn.at(-1)![0]) + 8, at, { style: `fill:${colour}` }));
  }
  return picture(width, height, title, ...parts);
}

const significant = (value: number): string =>
  value >= 100
    ? value.toFixed(0)
    : value >= 10
      ? value.toFixed(1)
      : value >= 0.1
        ? value.toFixed(2)
        : value.toPrecision(2);

const shorten = (value: number): string =>
  value >= 1e6 ? `${value / 1e6}M` : value >= 1000 ? `${value / 1000}k` : String(value);
