// The ranges of the axes of a chart.
import { isDrawable } from "./chart_drawing.js";

const MARGIN = 0.05; // of the height, above and below the values

// The range of x that all lines need, with their marks of values that are not finite.
export function fullXRange(spec) {
  let low = Infinity;
  let high = -Infinity;
  const include = (value) => {
    if (!isDrawable(value, spec.xLog)) return;
    low = Math.min(low, value);
    high = Math.max(high, value);
  };
  for (const line of spec.lines) {
    // The values of a line over steps or time are sorted, those over another metric are not.
    line.x.forEach(include);
    (line.nonFinite || []).forEach(include);
  }
  return widened(low, high, spec.xLog);
}

// The range of y of the values between two x values; where there are none, of the values beside them,
// because the line between these is visible.
export function yRangeWithin(spec, [from, to]) {
  if (spec.yRange) return spec.yRange;
  const inside = valueRange(spec, (x, i) => x[i] >= from && x[i] <= to);
  const isBeside = (x, i) => (x[i] < from ? x[i + 1] > to : x[i] > to && x[i - 1] < from);
  const [low, high] = inside[0] <= inside[1] ? inside : valueRange(spec, isBeside);
  return withMargin(widened(low, high, spec.yLog), spec.yLog);
}

function valueRange(spec, isCounted) {
  let low = Infinity;
  let high = -Infinity;
  const include = (value) => {
    if (!isDrawable(value, spec.yLog)) return;
    low = Math.min(low, value);
    high = Math.max(high, value);
  };
  for (const line of spec.lines) {
    for (let i = 0; i < line.x.length; i += 1) {
      if (!isCounted(line.x, i)) continue;
      include(line.y[i]);
      if (line.low) include(line.low[i]);
      if (line.high) include(line.high[i]);
    }
  }
  return [low, high];
}

function widened(low, high, isLog) {
  if (low > high) return isLog ? [0.1, 1] : [0, 1];
  if (low < high) return [low, high];
  if (isLog) return [low / 2, high * 2];
  const half = Math.abs(low) * 0.05 || 0.5;
  return [low - half, high + half];
}

function withMargin([low, high], isLog) {
  if (isLog) {
    const factor = (high / low) ** MARGIN;
    return [low / factor, high * factor];
  }
  const margin = (high - low) * MARGIN;
  return [low - margin, high + margin];
}
