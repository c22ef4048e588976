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
const COLOURS = ["#c92a2a", "#0b7285", "#5f3dc4", "#2b8a3e", "#e8590c", "#1864ab", "#a61e4d", "#868e96", "#5c940d"];
const GRID = "#e5e5e5";
const NEAREST_TICKS = 24;

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

/** Lines on two logarithmic axes: a power law is a straight line, its exponent the slope. The key stands in the order of their ends. */
export function logChart(title: string, xName: string, yName: string, series: readonly Series[]): string {
  const [width, height, left, right, top, bottom] = [860, 400, 70, 360, 40, 50];
  const all = series.flatMap((s) => s.points.filter(([a, b]) => a > 0 && b > 0));
  const extent = (pick: 0 | 1): [number, number] => [
    Math.min(...all.map((p) => p[pick])),
    Math.max(...all.map((p) => p[pick])),
  ];
  const x = scaleLog(extent(0), [left, width - right]);
  const y = scaleLog(extent(1), [height - bottom, top]).nice();
  const sizes = [...new Set(all.map(([value]) => value))].sort((a, b) => a - b);
  const xTicks: number[] = [];
  for (const size of sizes) if (xTicks.length === 0 || x(size) - x(xTicks.at(-1)!) >= NEAREST_TICKS) xTicks.push(size);
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
  const lines = series
    .map(({ label, ours, points }, i) => ({
      label,
      stroke: {
        stroke: COLOURS[i % COLOURS.length]!,
        "stroke-width": 2,
        ...(ours ? {} : { "stroke-dasharray": "5 4" }),
      },
      dots: points.filter(([a, b]) => a > 0 && b > 0).map(([a, b]) => [x(a), y(b)] as const),
    }))
    .filter(({ dots }) => dots.length > 0)
    .sort((one, other) => one.dots.at(-1)![1] - other.dots.at(-1)![1]);
  for (const [row, { label, stroke, dots }] of lines.entries()) {
    const d = dots.map(([a, b], i) => `${i === 0 ? "M" : "L"}${a.toFixed(1)} ${b.toFixed(1)}`).join("");
    parts.push(element("path", { d, fill: "none", ...stroke }));
    for (const [cx, cy] of dots) parts.push(element("circle", { cx, cy, r: 3, fill: stroke.stroke }));
    const [from, at] = [width - right + 24, top + 8 + row * 20];
    parts.push(element("line", { x1: from, x2: from + 26, y1: at, y2: at, ...stroke }), text(label, from + 34, at + 4));
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
