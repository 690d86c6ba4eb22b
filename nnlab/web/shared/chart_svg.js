// A chart as an SVG file: axes, lines and a legend.
import { drawPlot, lineColor } from "./chart_drawing.js";
import { SvgContext } from "./svg_context.js";
import { axisTicks, tickLabels } from "./ticks.js";

const WIDTH = 640;
const HEIGHT = 360;
const LEFT = 64;
const RIGHT = 16;
const TOP = 34;
const BOTTOM = 46;
const LEGEND_ROW = 18;
const MAX_LEGEND_ROWS = 12;

// ranges: { x: [low, high], y: [low, high] }
export function chartSvg(spec, ranges, colors) {
  const entries = legendEntries(spec);
  const height = HEIGHT + entries.length * LEGEND_ROW;
  const context = new SvgContext(WIDTH, height);
  const box = { left: LEFT, top: TOP, width: WIDTH - LEFT - RIGHT, height: HEIGHT - TOP - BOTTOM };
  const toX = axisScale(ranges.x, spec.xLog, box.left, box.left + box.width);
  const toY = axisScale(ranges.y, spec.yLog, box.top + box.height, box.top);
  context.fillStyle = colors.ground;
  context.fillRect(0, 0, WIDTH, height);
  drawAxes(context, spec, ranges, colors, box, toX, toY);
  drawPlot(context, { spec, box, toX, toY, colors, unit: 1, highlight: null });
  drawLegend(context, entries, colors);
  return context.toText();
}

function axisScale([low, high], isLog, start, end) {
  const place = isLog ? Math.log10 : (value) => value;
  return (value) => start + ((place(value) - place(low)) / (place(high) - place(low) || 1)) * (end - start);
}

function drawAxes(context, spec, ranges, colors, box, toX, toY) {
  const bottom = box.top + box.height;
  context.font = "600 13px sans-serif";
  context.fillStyle = colors.ink;
  context.textBaseline = "alphabetic";
  context.fillText(spec.title || "", box.left, 20);
  context.font = "11px sans-serif";
  context.fillStyle = colors.text;
  context.strokeStyle = colors.rule;
  const yTicks = axisTicks(...ranges.y, { log: spec.yLog, kind: "number", count: 5 });
  context.textAlign = "right";
  context.textBaseline = "middle";
  tickLabels(yTicks, "number").forEach((label, i) => {
    strokeLine(context, box.left, toY(yTicks[i]), box.left + box.width, toY(yTicks[i]));
    context.fillText(label, box.left - 6, toY(yTicks[i]));
  });
  const xTicks = axisTicks(...ranges.x, { log: spec.xLog, kind: spec.xKind, count: 7 });
  context.textAlign = "center";
  context.textBaseline = "top";
  tickLabels(xTicks, spec.xKind).forEach((label, i) => context.fillText(label, toX(xTicks[i]), bottom + 6));
  context.fillText(spec.xLabel || "", box.left + box.width / 2, bottom + 24);
  context.textBaseline = "middle";
  context.fillText(spec.yLabel || "", 14, box.top + box.height / 2, -90);
  context.strokeStyle = colors.text;
  strokeLine(context, box.left, bottom, box.left + box.width, bottom);
}

function strokeLine(context, x1, y1, x2, y2) {
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
  context.stroke();
}

function legendEntries(spec) {
  const byLabel = new Map(spec.lines.filter((line) => line.label).map((line) => [line.label, line]));
  return byLabel.size > 1 ? [...byLabel.values()].slice(0, MAX_LEGEND_ROWS) : [];
}

function drawLegend(context, entries, colors) {
  context.font = "11px sans-serif";
  context.textAlign = "left";
  context.textBaseline = "middle";
  entries.forEach((line, i) => {
    const y = HEIGHT + i * LEGEND_ROW + 4;
    context.strokeStyle = lineColor(colors, line.color);
    context.setLineDash(line.dashed ? [5, 3] : []);
    strokeLine(context, LEFT, y, LEFT + 22, y);
    context.setLineDash([]);
    context.fillStyle = colors.ink;
    context.fillText(line.label, LEFT + 30, y);
  });
}
