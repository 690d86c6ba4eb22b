// Draws the lines of a chart on a canvas or, through SvgContext, as SVG.

export const PALETTE_SIZE = 7;

// The colours of the theme in which an element is shown.
export function readColors(element) {
  const style = getComputedStyle(element);
  const read = (name) => style.getPropertyValue(name).trim();
  return {
    lines: Array.from({ length: PALETTE_SIZE }, (_, i) => read(`--c${i}`)),
    other: read("--other"),
    text: read("--soft"),
    ink: read("--ink"),
    rule: read("--rule"),
    ground: read("--ground"),
  };
}

export function lineColor(colors, color) {
  return typeof color === "number" ? colors.lines[color % PALETTE_SIZE] : colors.other;
}

// plot: { spec, box: { left, top, width, height }, toX(value), toY(value), colors, unit, highlight };
// `unit` is the number of units of the context in a CSS pixel.
export function drawPlot(context, plot) {
  const { spec, box } = plot;
  context.save();
  context.beginPath();
  context.rect(box.left, box.top, box.width, box.height);
  context.clip();
  context.lineJoin = "round";
  if (spec.shaded) drawShaded(context, plot);
  for (const line of spec.lines) if (line.low && line.high) drawBand(context, plot, line);
  for (const line of spec.lines) if (line.raw) drawRaw(context, plot, line);
  for (const line of spec.lines) drawLine(context, plot, line);
  for (const rule of spec.rules || []) drawRule(context, plot, rule);
  for (const line of spec.lines) drawMarks(context, plot, line);
  context.restore();
  context.setLineDash([]);
  context.globalAlpha = 1;
}

function drawShaded(context, { spec, box, toX, colors }) {
  context.fillStyle = colors.lines[1];
  context.globalAlpha = 0.14;
  // A log axis has no place for a start at 0.
  const left = isDrawable(spec.shaded[0], spec.xLog) ? toX(spec.shaded[0]) : box.left;
  if (isDrawable(spec.shaded[1], spec.xLog)) context.fillRect(left, box.top, toX(spec.shaded[1]) - left, box.height);
  context.globalAlpha = 1;
}

function isDimmed(plot, line) {
  return plot.highlight !== null && plot.highlight !== undefined && plot.highlight !== line.key;
}

function drawBand(context, plot, line) {
  const { toX, toY, spec } = plot;
  context.fillStyle = lineColor(plot.colors, line.color);
  context.globalAlpha = isDimmed(plot, line) ? 0.04 : 0.16;
  let start = 0;
  const isDrawn = (i) => isDrawable(line.low[i], spec.yLog) && isDrawable(line.high[i], spec.yLog);
  while (start < line.x.length) {
    while (start < line.x.length && !isDrawn(start)) start += 1;
    let end = start;
    while (end < line.x.length && isDrawn(end)) end += 1;
    if (end > start) {
      context.beginPath();
      for (let i = start; i < end; i += 1) {
        if (i === start) context.moveTo(toX(line.x[i]), toY(line.high[i]));
        else context.lineTo(toX(line.x[i]), toY(line.high[i]));
      }
      for (let i = end - 1; i >= start; i -= 1) context.lineTo(toX(line.x[i]), toY(line.low[i]));
      context.closePath();
      context.fill();
    }
    start = end;
  }
  context.globalAlpha = 1;
}

function drawRaw(context, plot, line) {
  context.globalAlpha = isDimmed(plot, line) ? 0.08 : 0.3;
  strokeCurve(context, plot, line, line.raw.x, line.raw.y, 1);
  context.globalAlpha = 1;
}

function drawLine(context, plot, line) {
  const isHighlighted = plot.highlight !== null && plot.highlight === line.key;
  context.globalAlpha = isDimmed(plot, line) ? 0.15 : line.faint ? 0.5 : 1;
  if (line.points) drawPoints(context, plot, line);
  else strokeCurve(context, plot, line, line.x, line.y, (line.width || 1.8) * (isHighlighted ? 1.7 : 1));
  context.globalAlpha = 1;
}

function strokeCurve(context, plot, line, xs, ys, width) {
  const { toX, toY, spec, unit } = plot;
  context.strokeStyle = lineColor(plot.colors, line.color);
  context.lineWidth = width * unit;
  context.setLineDash(line.dashed ? [5 * unit, 3 * unit] : []);
  context.beginPath();
  let isDown = false;
  for (let i = 0; i < xs.length; i += 1) {
    if (!isDrawable(ys[i], spec.yLog) || !isDrawable(xs[i], spec.xLog)) {
      isDown = false;
      continue;
    }
    const x = toX(xs[i]);
    const y = toY(ys[i]);
    if (isDown) context.lineTo(x, y);
    else {
      context.moveTo(x, y);
      // A value between two gaps would not be visible as a line.
      if (!isDrawable(ys[i + 1], spec.yLog)) context.lineTo(x + unit, y);
    }
    isDown = true;
  }
  context.stroke();
  context.setLineDash([]);
}

function drawPoints(context, plot, line) {
  const { toX, toY, spec, unit } = plot;
  context.fillStyle = lineColor(plot.colors, line.color);
  for (let i = 0; i < line.x.length; i += 1) {
    if (!isDrawable(line.y[i], spec.yLog) || !isDrawable(line.x[i], spec.xLog)) continue;
    context.beginPath();
    context.arc(toX(line.x[i]), toY(line.y[i]), 3 * unit, 0, 2 * Math.PI);
    context.fill();
  }
}

function drawRule(context, { spec, toX, box, colors, unit }, rule) {
  if (!isDrawable(rule.x, spec.xLog)) return;
  context.strokeStyle = lineColor(colors, rule.color);
  context.lineWidth = 1.4 * unit;
  context.setLineDash(rule.kind === "plateau" ? [7 * unit, 3 * unit] : [2 * unit, 3 * unit]);
  context.beginPath();
  context.moveTo(toX(rule.x), box.top);
  context.lineTo(toX(rule.x), box.top + box.height);
  context.stroke();
  context.setLineDash([]);
}

function drawMarks(context, plot, line) {
  const { toX, toY, box, spec, colors, unit } = plot;
  context.strokeStyle = lineColor(colors, line.color);
  context.lineWidth = 1.8 * unit;
  context.setLineDash([]);
  for (const mark of line.marks || []) {
    if (!isDrawable(mark.y, spec.yLog) || !isDrawable(mark.x, spec.xLog)) continue;
    context.fillStyle = colors.ground;
    context.beginPath();
    context.arc(toX(mark.x), toY(mark.y), 4 * unit, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  }
  const size = 3 * unit;
  const y = box.top + box.height - 2 * size;
  for (const value of line.nonFinite || []) {
    if (!isDrawable(value, spec.xLog)) continue;
    const x = toX(value);
    context.beginPath();
    context.moveTo(x - size, y - size);
    context.lineTo(x + size, y + size);
    context.moveTo(x - size, y + size);
    context.lineTo(x + size, y - size);
    context.stroke();
  }
}

// Whether a value has a place on an axis: null and values that a log axis lacks have none.
export function isDrawable(value, isLog) {
  return value !== null && value !== undefined && Number.isFinite(value) && (!isLog || value > 0);
}
