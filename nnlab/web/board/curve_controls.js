// The controls above the curves. Each writes its value into the state of the page.
import { createElement } from "../shared/dom.js";
import { readState, updateState } from "./view_state.js";

const CURVE_AXIS_NAMES = {
  "": "epoch or step",
  step: "step",
  epoch: "epoch",
  relative: "time since the start",
  time: "time of day",
};
const CURVE_TYPING_PAUSE = 250; // milliseconds

// { element, update(index) }: `index` is the answer to `curves/index`.
export function createCurveControls() {
  const axis = createElement("select", {
    onchange: () => updateState({ "curves.x": axis.value, ...NO_CURVE_ZOOM }),
  });
  const seeds = createElement(
    "select",
    { onchange: () => updateState({ "curves.seeds": seeds.value === "mean" ? "" : seeds.value }) },
    createElement("option", { value: "mean" }, "mean with band"),
    createElement("option", { value: "lines" }, "a line each"),
  );
  const filter = createElement("input", {
    type: "search",
    placeholder: "loss, probe/*",
    size: 14,
    spellcheck: "false",
  });
  let typing = null;
  filter.addEventListener("input", () => {
    clearTimeout(typing);
    const write = () => updateState({ "curves.filter": filter.value }, { replace: true });
    typing = setTimeout(write, CURVE_TYPING_PAUSE);
  });
  const smoothing = createElement("input", { type: "range", min: 0, max: 0.99, step: 0.01 });
  const smoothingText = createElement("output", { class: "curves-smoothing" });
  smoothing.addEventListener("input", () =>
    updateState({ "curves.smooth": smoothing.value === "0" ? "" : smoothing.value }, { replace: true }),
  );
  const boxes = [
    ["logx", "log x"],
    ["logy", "log y"],
    ["robust", "ignore outliers"],
    ["merge", "splits together"],
    ["sync", "cursor in all panels"],
  ].map(([name, text]) => createCurveCheckbox(`curves.${name}`, text));
  const resetZoom = createElement(
    "button",
    { type: "button", onclick: () => updateState(NO_CURVE_ZOOM) },
    "Reset zoom",
  );
  const element = createElement(
    "div",
    { class: "curves-controls", role: "group", "aria-label": "how the curves are drawn" },
    createElement("label", {}, "metrics ", filter),
    createElement("label", {}, "x axis ", axis),
    createElement("label", {}, "seeds ", seeds),
    createElement("label", {}, "smoothing ", smoothing, smoothingText),
    boxes.map((box) => box.element),
    resetZoom,
  );
  return {
    element,
    update(index) {
      const state = readState();
      updateCurveAxes(axis, index, state["curves.x"] || "");
      seeds.value = state["curves.seeds"] === "lines" ? "lines" : "mean";
      if (document.activeElement !== filter) filter.value = state["curves.filter"] || "";
      smoothing.value = state["curves.smooth"] || "0";
      smoothingText.textContent = Number(smoothing.value) > 0 ? smoothing.value : "off";
      for (const box of boxes) box.update(state);
      resetZoom.hidden = !state["curves.from"] && !state["curves.to"];
    },
    destroy() {
      clearTimeout(typing);
    },
  };
}

const NO_CURVE_ZOOM = { "curves.from": "", "curves.to": "" };

function createCurveCheckbox(key, text) {
  const box = createElement("input", {
    type: "checkbox",
    onchange: () => updateState({ [key]: box.checked ? "1" : "" }),
  });
  return {
    element: createElement("label", {}, box, ` ${text}`),
    update(state) {
      box.checked = state[key] === "1";
    },
  };
}

// The select is filled again only if its options changed, so that an open list stays open.
function updateCurveAxes(select, index, value) {
  const own = new Set(index.runs.map((run) => run.axis));
  const ownName = own.size === 1 ? [...own][0] : CURVE_AXIS_NAMES[""];
  const axes = index.axes.map((name) => [name, name === "" ? ownName : CURVE_AXIS_NAMES[name]]);
  const metrics = index.metrics.map(({ name }) => [`metric:${name}`, name]);
  const known = new Set([...axes, ...metrics].map(([name]) => name));
  if (!known.has(value)) axes.push([value, value]);
  const digest = JSON.stringify([axes, metrics]);
  if (select.dataset.options !== digest) {
    select.dataset.options = digest;
    const option = ([name, text]) => createElement("option", { value: name }, text);
    select.replaceChildren(
      ...axes.map(option),
      createElement("optgroup", { label: "another metric" }, metrics.map(option)),
    );
  }
  select.value = value;
}
