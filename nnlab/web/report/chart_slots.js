// Draws the charts of a self-contained page into the places that its template has for them.
import { createLineChart } from "../shared/chart.js";
import { tableOfLines } from "../shared/chart_table.js";
import { createPanel } from "../shared/panel.js";

// The charts of the page as { slot, hide(trials), highlight(trial) }; `trials` are the values of
// `trial` of the lines that are left out.
export function drawChartSlots() {
  const specs = JSON.parse(document.getElementById("charts").textContent);
  return [...document.querySelectorAll(".chart-slot")].map((slot) => drawSlot(slot, specs[Number(slot.dataset.chart)]));
}

function drawSlot(slot, spec) {
  let shown = { ...spec, height: 250 };
  let chart = null;
  const panel = createPanel({
    title: spec.title,
    fileName: spec.title.toLowerCase().replace(/\W+/g, "-"),
    toSvg: () => chart.toSvg(),
    toTable: () => tableOfLines(shown),
  });
  slot.replaceChildren(panel.element);
  chart = createLineChart(panel.body, shown);
  return {
    slot,
    hide(trials) {
      const isShown = (part) => !trials.has(String(part.trial));
      shown = { ...shown, lines: spec.lines.filter(isShown), rules: spec.rules.filter(isShown) };
      chart.update(shown);
    },
    highlight(trial) {
      const line = spec.lines.find((candidate) => String(candidate.trial) === trial);
      chart.setHighlight(line ? line.key : null);
    },
  };
}

// A link to a part that can be closed opens it.
export function openLinkedDetails() {
  const open = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (target && target.tagName === "DETAILS") target.open = true;
  };
  addEventListener("hashchange", open);
  open();
}
