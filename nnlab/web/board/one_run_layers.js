// The statistics of the layers of one run.
import { createLineChart } from "../shared/chart.js";
import { tableOfLines } from "../shared/chart_table.js";
import { createElement } from "../shared/dom.js";
import { formatCount } from "../shared/numbers.js";
import { createPanel } from "../shared/panel.js";

const QUANTITY_TITLES = {
  activation_mean: "Mean of the activations",
  activation_sd: "Standard deviation of the activations",
  dead: "Share of dead units",
  saturated: "Share of saturated units",
  zeros: "Share of zeros",
  grad_norm: "Norm of the gradient",
  update_ratio: "Size of an update relative to the weights",
};

// Returns { element, update(data, note), destroy() }.
export function createLayerCharts() {
  const grid = createElement("div", { class: "one-run-charts" });
  const note = createElement("p", { class: "hint" });
  const element = createElement(
    "section", { class: "one-run-section" }, createElement("h2", {}, "Layers"), grid, note,
  );
  const charts = new Map(); // quantity -> { chart, spec, text }

  function update(data, text) {
    for (const quantity of data.quantities) showQuantity(quantity, data.axis);
    note.textContent = data.quantities.length ? text : "No statistics of layers were measured.";
  }

  function showQuantity(quantity, axis) {
    const text = JSON.stringify(quantity);
    const old = charts.get(quantity.quantity);
    if (old?.text === text) return;
    const spec = layerSpec(quantity, axis);
    if (old) {
      charts.set(quantity.quantity, { ...old, spec, text });
      old.chart.update(spec);
      return;
    }
    const panel = createPanel({
      title: spec.title,
      fileName: quantity.quantity,
      toSvg: () => charts.get(quantity.quantity).chart.toSvg(),
      toTable: () => tableOfLines(charts.get(quantity.quantity).spec),
    });
    grid.append(panel.element);
    charts.set(quantity.quantity, { chart: createLineChart(panel.body, spec), spec, text });
    const shown = quantity.lines.length;
    if (shown < quantity.layers) panel.setNote(`the first ${shown} of ${formatCount(quantity.layers)} layers`);
  }

  return {
    element,
    update,
    destroy() {
      for (const { chart } of charts.values()) chart.destroy();
    },
  };
}

function layerSpec(quantity, axis) {
  return {
    title: QUANTITY_TITLES[quantity.quantity] ?? quantity.quantity,
    xLabel: axis,
    height: 220,
    lines: quantity.lines.map((line, i) => ({
      key: String(line.layer),
      label: `layer ${line.layer}`,
      color: i,
      x: line.x,
      y: line.y,
      low: line.low ?? undefined,
      high: line.high ?? undefined,
      nonFinite: line.non_finite,
    })),
  };
}
