// The values of a chart at the cursor.
import { isDrawable, lineColor } from "./chart_drawing.js";
import { createElement } from "./dom.js";
import { formatDuration, formatNumber, formatTime } from "./numbers.js";

const MAX_VALUES = 12;

// The index of the value in a sorted array that is nearest to x; -1 for an empty array.
export function nearestIndex(xs, x) {
  let low = 0;
  let high = xs.length - 1;
  if (high < 0) return -1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle] < x) low = middle;
    else high = middle;
  }
  return Math.abs(xs[low] - x) <= Math.abs(xs[high] - x) ? low : high;
}

// The value of each line at x as { line, x, y, low, high }, the largest first. Lines that have
// no value near x (within `tolerance`) are left out.
export function valuesAt(spec, x, tolerance) {
  const values = [];
  for (const line of spec.lines) {
    const i = line.points ? nearestUnsorted(line.x, x) : nearestIndex(line.x, x);
    if (i < 0 || !isDrawable(line.y[i], spec.yLog)) continue;
    if (Math.abs(line.x[i] - x) > Math.max(tolerance, spacing(line.x, i))) continue;
    values.push({ line, x: line.x[i], y: line.y[i], low: line.low?.[i], high: line.high?.[i] });
  }
  return values.sort((a, b) => b.y - a.y);
}

function nearestUnsorted(xs, x) {
  let best = -1;
  xs.forEach((value, i) => {
    if (best < 0 || Math.abs(value - x) < Math.abs(xs[best] - x)) best = i;
  });
  return best;
}

function spacing(xs, i) {
  return Math.max(Math.abs(xs[i] - (xs[i - 1] ?? xs[i])), Math.abs((xs[i + 1] ?? xs[i]) - xs[i])) / 2;
}

export function formatX(spec, x) {
  if (spec.xKind === "time") return formatTime(x);
  if (spec.xKind === "duration") return formatDuration(x);
  return formatNumber(x, 6);
}

// The contents of the tooltip: the position, and the values of the lines around the nearest one.
export function tooltipRows(spec, x, values, nearest, colors) {
  const position = values.indexOf(nearest);
  const start = Math.max(0, Math.min(position - MAX_VALUES / 2, values.length - MAX_VALUES));
  const shown = values.slice(start, start + MAX_VALUES);
  const rows = shown.map((value) => {
    const swatch = createElement("span", { class: "key" });
    swatch.style.borderTopColor = lineColor(colors, value.line.color);
    if (value.line.dashed) swatch.classList.add("dashed");
    const hasBand = isDrawable(value.low, false) && isDrawable(value.high, false) && value.low < value.high;
    const range = hasBand ? ` (${formatNumber(value.low)} to ${formatNumber(value.high)})` : "";
    const text = `${value.line.label || value.line.key}: ${formatNumber(value.y, 5)}${range}`;
    return createElement("div", { class: value === nearest ? "nearest" : null }, swatch, text);
  });
  const rest = values.length - shown.length;
  return [
    createElement("div", { class: "chart-tip-x" }, `${spec.xLabel || "x"} ${formatX(spec, x)}`),
    ...rows,
    rest > 0 ? createElement("div", {}, `and ${rest} more`) : null,
  ].filter(Boolean);
}
