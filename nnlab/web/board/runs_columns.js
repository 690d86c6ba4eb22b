// The menu in which the columns of the table of runs are chosen.
import { createElement } from "../shared/dom.js";
import { COLUMN_NAMES, isDefaultColumn } from "./runs_cells.js";

// `onChange` gets the text for the state. Returns { element, update(data, columns) }.
export function createColumnMenu(onChange) {
  const list = createElement("div", { class: "runs-menu" });
  const element = createElement("details", { class: "runs-columns" }, createElement("summary", {}, "Columns"), list);
  let shown = "";
  let chosen = [];

  function change(name, isChosen) {
    const names = isChosen ? [...chosen, name] : chosen.filter((other) => other !== name);
    const hidden = COLUMN_NAMES.filter((other) => isDefaultColumn(other) && !names.includes(other));
    const added = names.filter((other) => !isDefaultColumn(other));
    onChange([...hidden.map((other) => `-${other}`), ...new Set(added)].join(","));
  }

  function group(title, names) {
    const boxes = names.map((name) => {
      const box = createElement("input", { type: "checkbox", checked: chosen.includes(name) });
      box.addEventListener("change", () => change(name, box.checked));
      return createElement("label", {}, box, ` ${name.replace(/^setting:/, "").replace(":", " ")}`);
    });
    return names.length ? createElement("fieldset", {}, createElement("legend", {}, title), boxes) : null;
  }

  return {
    element,
    update(data, columns) {
      const extra = columns.filter((name) => name.includes(":"));
      const settings = data.settings.map((name) => `setting:${name}`);
      const metrics = data.metrics.flatMap((name) => [`best:${name}`, `last:${name}`]);
      const text = JSON.stringify([settings, metrics, columns]);
      if (text === shown) return;
      shown = text;
      chosen = columns;
      const others = extra.filter((name) => !settings.includes(name) && !metrics.includes(name));
      list.replaceChildren(...[
        group("Run", COLUMN_NAMES),
        group("Setting", settings),
        group("Metric", [...metrics, ...others]),
      ].filter(Boolean));
    },
  };
}
