// The trials of the curves: a click hides or shows a trial, hovering or focus highlights it.
import { createElement } from "../shared/dom.js";
import { updateState } from "./view_state.js";

// With more entries the legend is closed until a reader opens it.
const MAX_OPEN_LEGEND = 12;

// { element, update(trials, hidden) }: `trials` is the Map of `curveTrials`.
export function createCurveLegend(onHighlight) {
  const summary = createElement("summary");
  const list = createElement("ul");
  const element = createElement("details", { class: "curves-legend" }, summary, list);
  const entries = new Map();
  let hiddenTrials = new Set();
  let isFirst = true;

  function toggle(trial) {
    const hidden = new Set(hiddenTrials);
    if (!hidden.delete(trial)) hidden.add(trial);
    updateState({ "curves.hidden": [...hidden].sort((a, b) => a - b).join(",") });
  }

  function createEntry(trial) {
    const text = createElement("span");
    const button = createElement(
      "button",
      {
        type: "button",
        onclick: () => toggle(trial.id),
        onpointerenter: () => onHighlight(trial.id),
        onpointerleave: () => onHighlight(null),
        onfocus: () => onHighlight(trial.id),
        onblur: () => onHighlight(null),
      },
      createElement("i", { class: `curves-swatch curves-color-${trial.color}`, "aria-hidden": "true" }),
      text,
    );
    return { element: createElement("li", {}, button), button, text };
  }

  return {
    element,
    update(trials, hidden) {
      hiddenTrials = hidden;
      const unique = [...new Set(trials.values())];
      const ids = new Set(unique.map((trial) => trial.id));
      for (const [id, entry] of entries) {
        if (ids.has(id)) continue;
        entry.element.remove();
        entries.delete(id);
      }
      for (const trial of unique) {
        if (!entries.has(trial.id)) {
          const entry = createEntry(trial);
          entries.set(trial.id, entry);
          list.append(entry.element);
        }
        const entry = entries.get(trial.id);
        entry.text.textContent = `${trial.label} (${describeSeeds(trial.runs)})`;
        entry.button.setAttribute("aria-pressed", String(!hidden.has(trial.id)));
      }
      const count = unique.length === 1 ? "1 trial" : `${unique.length} trials`;
      const hiddenCount = unique.filter((trial) => hidden.has(trial.id)).length;
      summary.textContent = hiddenCount ? `${count}, ${hiddenCount} hidden` : count;
      if (isFirst && unique.length > 0) element.open = unique.length <= MAX_OPEN_LEGEND;
      isFirst = isFirst && unique.length === 0;
    },
  };
}

function describeSeeds(runs) {
  if (runs.length > 1) return `${runs.length} seeds`;
  return runs[0].name ? `run ${runs[0].run}, ${runs[0].name}` : `run ${runs[0].run}`;
}
