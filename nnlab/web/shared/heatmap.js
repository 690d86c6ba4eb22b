// A heatmap: cells coloured by quality, with their number and how many values it is the mean of.
import { createElement, createSvgElement } from "./dom.js";
import { formatNumber } from "./numbers.js";
import { qualityColor, shortened } from "./parallel.js";

const HEATMAP_LEFT = 110;
const HEATMAP_TOP = 26;
const HEATMAP_ROW = 40;
const HEATMAP_COLUMN = 78;

// `spec` is { title, columnLabel, rowLabel, columns, rows, lowerIsBetter, cells }, with the names of
// columns and rows, and a cell { column, row, mean, n, diverged, text } for each pair of indices that
// has a result.
export function createHeatmap(container, spec) {
  const svg = createSvgElement("svg", { role: "img", class: "heatmap" });
  const scroller = createElement("div", { class: "scroll", tabindex: 0, role: "region" }, svg);
  container.append(scroller);
  let drawn = "";

  function update(newSpec) {
    const text = JSON.stringify(newSpec);
    if (text === drawn) return;
    drawn = text;
    const width = HEATMAP_LEFT + newSpec.columns.length * HEATMAP_COLUMN + 8;
    const height = HEATMAP_TOP + newSpec.rows.length * HEATMAP_ROW + 44;
    for (const [name, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}` })) {
      svg.setAttribute(name, value);
    }
    svg.setAttribute("aria-label", newSpec.title);
    scroller.setAttribute("aria-label", newSpec.title);
    svg.replaceChildren(...heatmapLabels(newSpec), ...heatmapCells(newSpec));
  }

  update(spec);
  return { update, svg, destroy: () => scroller.remove() };
}

function heatmapLabels(spec) {
  const bottom = HEATMAP_TOP + spec.rows.length * HEATMAP_ROW;
  return [
    createSvgElement("text", { x: 4, y: 16, class: "heatmap-axis" }, spec.rowLabel),
    createSvgElement("text", { x: HEATMAP_LEFT, y: bottom + 36, class: "heatmap-axis" }, spec.columnLabel),
    ...spec.columns.map((name, index) =>
      createSvgElement("text", {
        x: HEATMAP_LEFT + (index + 0.5) * HEATMAP_COLUMN, y: bottom + 16, class: "heatmap-column",
      }, shortened(name, 11))),
    ...spec.rows.map((name, index) =>
      createSvgElement("text", {
        x: HEATMAP_LEFT - 8, y: HEATMAP_TOP + (index + 0.5) * HEATMAP_ROW + 4, class: "heatmap-row",
      }, shortened(name, 15))),
  ];
}

function heatmapCells(spec) {
  const means = spec.cells.map((cell) => cell.mean).filter((mean) => mean !== null);
  const [low, high] = [Math.min(...means), Math.max(...means)];
  const best = spec.lowerIsBetter ? low : high;
  return spec.cells.map((cell) => {
    const fraction = cell.mean === null ? null : high === low ? 1 : (cell.mean - low) / (high - low);
    const quality = fraction !== null && spec.lowerIsBetter ? 1 - fraction : fraction;
    const x = HEATMAP_LEFT + cell.column * HEATMAP_COLUMN;
    const y = HEATMAP_TOP + cell.row * HEATMAP_ROW;
    const area = createSvgElement("rect", {
      x: x + 1.5, y: y + 1.5, width: HEATMAP_COLUMN - 3, height: HEATMAP_ROW - 3, rx: 3,
      class: cell.mean !== null && cell.mean === best ? "heatmap-cell is-best" : "heatmap-cell",
    });
    // A light tint, so that the number is readable in both themes.
    area.style.fill = `color-mix(in srgb, ${qualityColor(quality)} 35%, var(--ground))`;
    const center = { x: x + HEATMAP_COLUMN / 2, class: "heatmap-value" };
    return createSvgElement(
      "g", {}, createSvgElement("title", {}, cell.text), area,
      createSvgElement("text", { ...center, y: y + 18 }, cell.mean === null ? "diverged" : formatNumber(cell.mean)),
      createSvgElement("text", { ...center, y: y + 32, class: "heatmap-count" },
        cell.diverged ? `n=${cell.n}, ${cell.diverged} div.` : `n=${cell.n}`),
    );
  });
}
