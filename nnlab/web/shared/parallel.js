// Parallel coordinates: an axis per setting and one for the result, a line per trial.
import { createElement, createSvgElement } from "./dom.js";

const PARALLEL_TOP = 34;
const PARALLEL_HEIGHT = 260;
const PARALLEL_BOTTOM = 18;
const PARALLEL_MARGIN = 64;
const PARALLEL_KEY_STEP = 0.05;

// `spec` is { title, axes, trials }. An axis is { key, label, categorical, values, labels, log }, with
// the names of categories or the tested numbers in `values`, and `lowerIsBetter` on the last axis, that
// of the result. A trial is { key, label, values }. `brushes` maps keys of axes to [from, to], from 0
// (bottom) to 1 (top); `onBrush(key, range | null)` is called when the user moves one.
export function createParallelCoordinates(container, spec, { onBrush } = {}) {
  const lines = createSvgElement("g", { class: "parallel-lines" });
  const axesGroup = createSvgElement("g");
  const svg = createSvgElement("svg", { role: "group", class: "parallel" }, lines, axesGroup);
  const scroller = createElement("div", { class: "scroll" }, svg);
  container.append(scroller);
  let current = spec;
  let brushes = {};
  let drawnLines = [];
  let axisParts = new Map();

  function positions() {
    const count = Math.max(current.axes.length - 1, 1);
    const available = Math.max(scroller.clientWidth || 800, current.axes.length * 92);
    return { width: available, step: (available - 2 * PARALLEL_MARGIN) / count };
  }

  function draw() {
    const { width, step } = positions();
    const height = PARALLEL_TOP + PARALLEL_HEIGHT + PARALLEL_BOTTOM;
    for (const [name, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}` })) {
      svg.setAttribute(name, value);
    }
    svg.setAttribute("aria-label", current.title);
    const heights = current.axes.map((axis, index) => parallelFractions(axis, current.trials.map((t) => t.values[index])));
    drawnLines = current.trials.map((trial, row) => {
      const fractions = heights.map((axis) => axis[row]);
      const path = parallelPath(fractions, step);
      const result = fractions[fractions.length - 1];
      const quality = result === null ? null : current.axes[current.axes.length - 1].lowerIsBetter ? 1 - result : result;
      const line = createSvgElement("path", { d: path, class: "parallel-line" }, createSvgElement("title", {}, trial.label));
      line.style.stroke = qualityColor(quality);
      return { line, fractions };
    });
    // The best trials are first, and must be drawn last: on top.
    lines.replaceChildren(...drawnLines.map((drawn) => drawn.line).reverse());
    axisParts = new Map();
    axesGroup.replaceChildren(...current.axes.map((axis, index) => drawAxis(axis, PARALLEL_MARGIN + index * step)));
    showBrushes();
  }

  function drawAxis(axis, x) {
    const group = createSvgElement("g", { transform: `translate(${x},0)` });
    const area = createSvgElement("rect", {
      x: -14, y: PARALLEL_TOP - 8, width: 28, height: PARALLEL_HEIGHT + 16, class: "parallel-area",
    });
    const brush = createSvgElement("rect", { x: -7, width: 14, class: "parallel-brush" });
    const handles = ["from", "to"].map((side) => createHandle(axis, side));
    group.append(
      createSvgElement("text", { y: 14, class: "parallel-name" }, shortened(axis.label, 16), createSvgElement("title", {}, axis.label)),
      createSvgElement("line", { y1: PARALLEL_TOP, y2: PARALLEL_TOP + PARALLEL_HEIGHT, class: "parallel-axis" }),
      ...parallelTicks(axis).map(([fraction, text]) =>
        createSvgElement("text", { x: -12, y: heightOf(fraction) + 4, class: "parallel-tick" }, shortened(text, 10))),
      area, brush, ...handles,
    );
    listenToDrag(area, axis);
    axisParts.set(axis.key, { brush, handles });
    return group;
  }

  function createHandle(axis, side) {
    const handle = createSvgElement("rect", {
      x: -11, width: 22, height: 6, rx: 3, class: "parallel-handle", tabindex: 0, role: "slider",
      "aria-label": `${axis.label}: ${side === "from" ? "lower" : "upper"} limit`,
      "aria-orientation": "vertical", "aria-valuemin": 0, "aria-valuemax": 100,
    });
    handle.addEventListener("keydown", (event) => {
      const [from, to] = brushes[axis.key] || [0, 1];
      const step = axis.categorical && axis.values.length > 1 ? 1 / axis.values.length : PARALLEL_KEY_STEP;
      const moves = { ArrowUp: step, ArrowRight: step, ArrowDown: -step, ArrowLeft: -step };
      if (event.key === "Escape" || event.key === "Delete") setBrush(axis.key, null);
      else if (event.key in moves) {
        const move = moves[event.key];
        setBrush(axis.key, side === "from" ? [from + move, to] : [from, to + move]);
      } else return;
      event.preventDefault();
    });
    return handle;
  }

  function listenToDrag(area, axis) {
    const fractionAt = (event) => {
      const box = area.getBoundingClientRect();
      return 1 - (event.clientY - box.top - 8) / PARALLEL_HEIGHT;
    };
    area.addEventListener("pointerdown", (event) => {
      const start = fractionAt(event);
      area.setPointerCapture(event.pointerId);
      const move = (moved) => {
        const ends = [start, fractionAt(moved)].sort((a, b) => a - b);
        if (ends[1] - ends[0] > 0.01) setBrush(axis.key, ends);
      };
      area.addEventListener("pointermove", move);
      for (const end of ["pointerup", "pointercancel"]) {
        area.addEventListener(end, () => area.removeEventListener("pointermove", move), { once: true });
      }
    });
    area.addEventListener("dblclick", () => setBrush(axis.key, null));
  }

  function setBrush(key, range) {
    const limited = range && [Math.max(0, Math.min(range[0], 0.99)), Math.min(1, Math.max(range[1], 0.01))];
    const isWhole = limited && limited[0] <= 0.001 && limited[1] >= 0.999;
    if (limited && limited[0] >= limited[1]) return;
    const rounded = limited && limited.map((value) => Math.round(value * 1000) / 1000);
    brushes = { ...brushes, [key]: rounded };
    if (!rounded || isWhole) delete brushes[key];
    showBrushes();
    onBrush?.(key, brushes[key] || null);
  }

  function showBrushes() {
    for (const axis of current.axes) {
      const { brush, handles } = axisParts.get(axis.key);
      const [from, to] = brushes[axis.key] || [0, 1];
      brush.setAttribute("y", heightOf(to));
      brush.setAttribute("height", heightOf(from) - heightOf(to));
      brush.classList.toggle("is-set", axis.key in brushes);
      handles.forEach((handle, index) => {
        const fraction = index === 0 ? from : to;
        handle.setAttribute("y", heightOf(fraction) - (index === 0 ? 0 : 6));
        handle.setAttribute("aria-valuenow", Math.round(100 * fraction));
        handle.setAttribute("aria-valuetext", parallelValueText(axis, fraction));
      });
    }
    const isKept = keptRows();
    drawnLines.forEach(({ line }, row) => line.classList.toggle("is-faint", !isKept[row]));
  }

  // For each trial whether it is within all brushes.
  function keptRows() {
    return drawnLines.map(({ fractions }) =>
      current.axes.every((axis, index) => {
        const range = brushes[axis.key];
        return !range || (fractions[index] !== null && fractions[index] >= range[0] - 1e-6 && fractions[index] <= range[1] + 1e-6);
      }));
  }

  const observer = new ResizeObserver(() => {
    if (Math.abs(positions().width - Number(svg.getAttribute("width"))) > 1) draw();
  });
  observer.observe(scroller);
  draw();
  return {
    update(newSpec, newBrushes) {
      const isSame = JSON.stringify(newSpec) === JSON.stringify(current);
      current = newSpec;
      brushes = { ...newBrushes };
      if (isSame) showBrushes();
      else draw();
    },
    keptRows,
    svg,
    destroy() {
      observer.disconnect();
      scroller.remove();
    },
  };
}

function heightOf(fraction) {
  return PARALLEL_TOP + (1 - fraction) * PARALLEL_HEIGHT;
}

function parallelPath(fractions, step) {
  let path = "";
  let isConnected = false;
  fractions.forEach((fraction, index) => {
    if (fraction !== null) path += `${isConnected ? "L" : "M"}${PARALLEL_MARGIN + index * step},${heightOf(fraction).toFixed(1)}`;
    isConnected = fraction !== null;
  });
  return path;
}

// The height of each value on an axis, from 0 to 1; null for a missing value.
function parallelFractions(axis, values) {
  if (axis.categorical) {
    return values.map((value) => {
      const index = axis.values.indexOf(String(value));
      return index < 0 ? null : (axis.values.length - index - 0.5) / axis.values.length;
    });
  }
  const [low, high] = axisEnds(axis);
  const scale = axis.log ? Math.log : (value) => value;
  return values.map((value) =>
    value === null ? null : low === high ? 0.5 : (scale(value) - scale(low)) / (scale(high) - scale(low)));
}

function axisEnds(axis) {
  return [Math.min(...axis.values), Math.max(...axis.values)];
}

function parallelTicks(axis) {
  const shown = axis.categorical || axis.values.length <= 6
    ? axis.values.map((_, index) => index)
    : [axis.values.indexOf(axisEnds(axis)[0]), axis.values.indexOf(axisEnds(axis)[1])];
  const fractions = parallelFractions(axis, axis.values);
  const ticks = shown.map((index) => [fractions[index], axis.labels[index]]).sort((a, b) => a[0] - b[0]);
  // Labels that would overlap the one below are left out.
  return ticks.reduce((kept, tick) => {
    if (!kept.length || (tick[0] - kept[kept.length - 1][0]) * PARALLEL_HEIGHT >= 12) kept.push(tick);
    return kept;
  }, []);
}

function parallelValueText(axis, fraction) {
  if (axis.categorical) {
    const index = Math.min(axis.values.length - 1, Math.floor((1 - fraction) * axis.values.length));
    return axis.labels[index];
  }
  const [low, high] = axisEnds(axis);
  const value = axis.log ? Math.exp(Math.log(low) + fraction * Math.log(high / low)) : low + fraction * (high - low);
  return Number(value).toPrecision(3);
}

// A colour between the worst (0) and the best (1) result; grey without a result.
export function qualityColor(quality) {
  if (quality === null) return "var(--other)";
  return `color-mix(in oklab, var(--c0) ${Math.round(100 * quality)}%, var(--c4))`;
}

export function shortened(text, length) {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
