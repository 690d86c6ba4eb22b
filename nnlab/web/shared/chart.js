// A line chart. uPlot draws the axes and handles the pointer; the lines are drawn by chart_drawing.js.
import { formatX, tooltipRows, valuesAt } from "./chart_cursor.js";
import { drawPlot, readColors } from "./chart_drawing.js";
import { fullXRange, yRangeWithin } from "./chart_ranges.js";
import { chartSvg } from "./chart_svg.js";
import { createElement } from "./dom.js";
import { formatNumber } from "./numbers.js";
import { onThemeChange } from "./theme.js";
import { axisTicks, tickLabels } from "./ticks.js";

const DEFAULT_HEIGHT = 260;
const MIN_WIDTH = 220;
const ZOOM_STEP = 0.7; // of the visible range, by the keys + and -
const CURSOR_STEPS = 100; // of the arrow keys over the visible range
const HOVER_PIXELS = 24;

// Draws a chart into a container. `spec` is described in docs/board.md for authors of views:
// { title, xLabel, yLabel, xLog, yLog, xKind, height, lines, rules, shaded, xRange, yRange, onZoom,
//   onResetZoom, onCursor }. Returns { update(spec), setHighlight(key), setCursor(x), toSvg(),
//   destroy() }.
export function createLineChart(container, firstSpec) {
  return new LineChart(container, firstSpec);
}

class LineChart {
  constructor(container, spec) {
    this.container = container;
    this.spec = spec;
    this.zoomRange = null; // chosen here, if the owner of the chart does not zoom itself
    this.highlight = null;
    this.cursorX = null;
    this.isCursorDrawn = false; // uPlot shows that of the pointer, not that of the keys
    this.isFollowing = false; // while the cursor of another chart is shown
    this.tip = createElement("div", { class: "chart-tip", hidden: true, "aria-live": "polite" });
    this.area = createElement("div", { class: "chart-area", tabindex: "0", role: "img" }, this.tip);
    container.append(this.area);
    this.colors = readColors(this.area);
    this.createPlot();
    this.area.addEventListener("keydown", (event) => this.onKey(event));
    this.area.addEventListener("blur", () => this.hideCursor());
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(container);
    this.endThemeListener = onThemeChange(() => this.redrawInTheme());
    this.describe();
  }

  update(spec) {
    const isOtherScale = spec.xLog !== this.spec.xLog || spec.yLog !== this.spec.yLog
      || spec.xKind !== this.spec.xKind || spec.xLabel !== this.spec.xLabel || spec.yLabel !== this.spec.yLabel;
    this.spec = spec;
    if (isOtherScale) {
      this.zoomRange = null;
      this.createPlot();
    }
    this.resize();
    this.applyRanges();
    this.describe();
    if (this.cursorX !== null) this.showCursor(this.cursorX, null);
  }

  setHighlight(key) {
    if (this.highlight === key) return;
    this.highlight = key;
    this.plot?.redraw(false);
  }

  // Shows the cursor of another chart; null hides it.
  setCursor(x) {
    if (!this.plot) return;
    const left = x === null ? -10 : this.plot.valToPos(x, "x");
    this.isFollowing = true;
    this.plot.setCursor({ left, top: left < 0 ? -10 : 0 });
    this.isFollowing = false;
  }

  toSvg() {
    return chartSvg(this.spec, this.ranges(), this.colors);
  }

  destroy() {
    this.observer.disconnect();
    this.endThemeListener();
    this.plot?.destroy();
    this.area.remove();
  }

  ranges() {
    const x = this.spec.xRange || this.zoomRange || fullXRange(this.spec);
    return { x, y: yRangeWithin(this.spec, x) };
  }

  width() {
    return Math.max(this.container.clientWidth, MIN_WIDTH);
  }

  createPlot() {
    this.plot?.destroy();
    if (typeof uPlot === "undefined") {
      const text = "No charts: uPlot is missing. Install npm, and run make uplot in the checkout of nnlab.";
      this.area.replaceChildren(createElement("p", { class: "hint" }, text));
      return;
    }
    const { x, y } = this.ranges();
    this.plot = new uPlot(this.plotOptions(), [x, y], this.area);
    this.area.append(this.tip);
    this.applyRanges();
  }

  plotOptions() {
    const { spec } = this;
    const axis = (index, options) => ({
      stroke: () => this.colors.text,
      font: "11px system-ui, sans-serif",
      labelFont: "11px system-ui, sans-serif",
      labelSize: 16,
      ticks: { show: false },
      splits: (plot, _, low, high) => axisTicks(low, high, {
        log: index ? spec.yLog : spec.xLog,
        kind: index ? "number" : spec.xKind,
        count: index ? plot.height / 45 : plot.width / 90,
      }),
      values: (_, ticks) => tickLabels(ticks, index ? "number" : spec.xKind),
      ...options,
    });
    return {
      width: this.width(),
      height: spec.height || DEFAULT_HEIGHT,
      legend: { show: false },
      padding: [10, 14, 0, 0],
      cursor: { drag: { x: true, y: false, setScale: false }, points: { show: false }, y: false },
      scales: {
        x: { time: false, distr: spec.xLog ? 3 : 1, range: () => this.ranges().x },
        y: { distr: spec.yLog ? 3 : 1, range: () => this.ranges().y },
      },
      series: [{}, { show: true, paths: () => null, points: { show: false } }],
      axes: [
        axis(0, { label: spec.xLabel || undefined, size: 28, grid: { show: false } }),
        axis(1, {
          label: spec.yLabel || undefined,
          size: (plot, labels) => 18 + 6 * Math.max(3, ...(labels || []).map((label) => label.length)),
          grid: { stroke: () => this.colors.rule, width: 1 },
        }),
      ],
      hooks: {
        draw: [(plot) => this.draw(plot)],
        setCursor: [(plot) => this.onPointer(plot)],
        setSelect: [(plot) => this.onSelect(plot)],
        ready: [(plot) => plot.over.addEventListener("dblclick", () => this.resetZoom())],
      },
    };
  }

  draw(plot) {
    const scale = (name) => (value) => plot.valToPos(value, name, true);
    const unit = globalThis.devicePixelRatio || 1;
    drawPlot(plot.ctx, {
      spec: this.spec,
      box: plot.bbox,
      toX: scale("x"),
      toY: scale("y"),
      colors: this.colors,
      unit,
      highlight: this.highlight,
    });
    const { left, width } = plot.bbox;
    if (this.isCursorDrawn && width) {
      const x = plot.valToPos(this.cursorX, "x", true);
      if (x >= left && x <= left + width) this.drawCursor(plot, x, unit);
    }
  }

  drawCursor(plot, x, unit) {
    // uPlot sets the style of its grid only when it changes it itself.
    plot.ctx.save();
    plot.ctx.strokeStyle = this.colors.text;
    plot.ctx.lineWidth = unit;
    plot.ctx.beginPath();
    plot.ctx.moveTo(x, plot.bbox.top);
    plot.ctx.lineTo(x, plot.bbox.top + plot.bbox.height);
    plot.ctx.stroke();
    plot.ctx.restore();
  }

  applyRanges() {
    if (!this.plot) return;
    const { x, y } = this.ranges();
    // The data of uPlot has only the corners: it makes the axes and the cursor.
    this.plot.setData([x, y], false);
    this.plot.batch(() => {
      this.plot.setScale("x", { min: x[0], max: x[1] });
      this.plot.setScale("y", { min: y[0], max: y[1] });
    });
    this.plot.redraw(false, true);
  }

  resize() {
    if (!this.plot) return;
    const size = { width: this.width(), height: this.spec.height || DEFAULT_HEIGHT };
    if (this.plot.width !== size.width || this.plot.height !== size.height) this.plot.setSize(size);
  }

  redrawInTheme() {
    this.colors = readColors(this.area);
    this.plot?.redraw(false, true);
  }

  onPointer(plot) {
    const { left, top } = plot.cursor;
    if (left === null || left === undefined || left < 0) {
      if (document.activeElement !== this.area) this.hideCursor();
      if (!this.isFollowing) this.spec.onCursor?.(null);
      return;
    }
    const x = plot.posToVal(left, "x");
    this.drawKeyCursor(false);
    this.showCursor(x, this.isFollowing ? null : plot.posToVal(top, "y"), left);
    if (!this.isFollowing) this.spec.onCursor?.(x);
  }

  // Shows the values at x; the line nearest to y is in bold.
  showCursor(x, y, left = this.plot?.valToPos(x, "x")) {
    if (!this.plot) return;
    const [low, high] = this.ranges().x;
    const tolerance = ((high - low) * HOVER_PIXELS) / Math.max(this.plot.width, 1);
    const values = valuesAt(this.spec, x, tolerance);
    this.cursorX = values.length ? nearestTo(values, x).x : x;
    if (!values.length) {
      this.tip.hidden = true;
      return;
    }
    const nearest = y === null ? values[0] : this.nearestLine(values, y);
    this.tip.replaceChildren(...tooltipRows(this.spec, this.cursorX, values, nearest, this.colors));
    this.tip.hidden = false;
    this.placeTip(left + this.plot.over.offsetLeft);
  }

  nearestLine(values, y) {
    const top = (value) => Math.abs(this.plot.valToPos(value.y, "y") - this.plot.valToPos(y, "y"));
    return values.reduce((best, value) => (top(value) < top(best) ? value : best));
  }

  placeTip(left) {
    const room = this.area.clientWidth - this.tip.offsetWidth;
    const beside = left + 14 > room ? left - this.tip.offsetWidth - 14 : left + 14;
    this.tip.style.left = `${Math.max(0, Math.min(beside, room))}px`;
  }

  hideCursor() {
    this.cursorX = null;
    this.tip.hidden = true;
    this.drawKeyCursor(false);
  }

  drawKeyCursor(isDrawn) {
    if (!isDrawn && !this.isCursorDrawn) return;
    this.isCursorDrawn = isDrawn;
    this.plot?.redraw(false);
  }

  onSelect(plot) {
    const { left, width } = plot.select;
    if (width < 3) return;
    this.zoomTo(plot.posToVal(left, "x"), plot.posToVal(left + width, "x"));
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  }

  zoomTo(low, high) {
    if (this.spec.onZoom) this.spec.onZoom(low, high);
    else {
      this.zoomRange = [low, high];
      this.applyRanges();
    }
  }

  resetZoom() {
    if (this.spec.onResetZoom) this.spec.onResetZoom();
    else {
      this.zoomRange = null;
      this.applyRanges();
    }
  }

  onKey(event) {
    const [low, high] = this.ranges().x;
    const x = this.cursorX ?? (low + high) / 2;
    const actions = {
      ArrowLeft: () => this.moveCursor(x, -1, low, high),
      ArrowRight: () => this.moveCursor(x, 1, low, high),
      "+": () => this.zoomTo(...scaledRange(low, high, x, ZOOM_STEP, this.spec.xLog)),
      "-": () => this.zoomTo(...scaledRange(low, high, x, 1 / ZOOM_STEP, this.spec.xLog)),
      0: () => this.resetZoom(),
      Escape: () => this.hideCursor(),
    };
    if (!(event.key in actions) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    actions[event.key]();
  }

  moveCursor(x, direction, low, high) {
    const next = x + (direction * (high - low)) / CURSOR_STEPS;
    const positions = this.spec.lines.flatMap((line) => line.x)
      .filter((value) => value !== null && (direction > 0 ? value >= next : value <= next));
    const edge = direction > 0 ? high : low;
    const target = positions.length ? positions.reduce((a, b) => (Math.abs(a - next) < Math.abs(b - next) ? a : b)) : edge;
    this.showCursor(Math.min(Math.max(target, low), high), null);
    this.drawKeyCursor(true);
  }

  // What a screen reader says of the chart; its data are in the table of the panel.
  describe() {
    const { x } = this.ranges();
    const labels = [...new Set(this.spec.lines.map((line) => line.label).filter(Boolean))];
    const named = labels.slice(0, 5).join(", ");
    const more = labels.length > 5 ? ` and ${labels.length - 5} more` : "";
    this.area.setAttribute(
      "aria-label",
      `${this.spec.title || this.spec.yLabel || "Chart"} over ${this.spec.xLabel || "x"} from`
        + ` ${formatX(this.spec, x[0])} to ${formatX(this.spec, x[1])}: ${named}${more}.`
        + ` ${formatNumber(this.spec.lines.length)} lines. Arrow keys read values, plus and minus zoom.`,
    );
  }
}

function nearestTo(values, x) {
  return values.reduce((best, value) => (Math.abs(value.x - x) < Math.abs(best.x - x) ? value : best));
}

function scaledRange(low, high, centre, factor, isLog) {
  if (isLog) return [centre * (low / centre) ** factor, centre * (high / centre) ** factor];
  return [centre - (centre - low) * factor, centre + (high - centre) * factor];
}
