// The page of `nnlab report`.
import { addFilter, makeSortable } from "../shared/table.js";
import { applyStoredTheme, createThemeButton } from "../shared/theme.js";
import { drawChartSlots, openLinkedDetails } from "./chart_slots.js";

applyStoredTheme();
document.querySelector("header").prepend(createThemeButton());
document.querySelectorAll("table.sortable").forEach(makeSortable);
for (const input of document.querySelectorAll("input.filter")) {
  addFilter(input, document.getElementById(input.dataset.table));
}
const reportCharts = drawChartSlots();
document.querySelectorAll(".legend").forEach(connectLegend);
openLinkedDetails();

// A click on a name hides its curves, one more shows them again.
function connectLegend(legend) {
  const section = legend.closest("section");
  const charts = reportCharts.filter((chart) => section.contains(chart.slot));
  const buttons = [...legend.querySelectorAll("button")];
  const highlight = (trial) => charts.forEach((chart) => chart.highlight(trial));
  for (const button of buttons) {
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
      const hidden = buttons.filter((other) => other.getAttribute("aria-pressed") !== "true");
      charts.forEach((chart) => chart.hide(new Set(hidden.map((other) => other.dataset.trial))));
    });
    button.addEventListener("mouseenter", () => highlight(button.dataset.trial));
    button.addEventListener("mouseleave", () => highlight(null));
  }
}
