// The view "Settings": parallel coordinates, a sweep, a heatmap and the importance of settings.
import { createBars } from "../../shared/bars.js";
import { createLineChart } from "../../shared/chart.js";
import { createElement } from "../../shared/dom.js";
import { createHeatmap } from "../../shared/heatmap.js";
import { createPanel } from "../../shared/panel.js";
import { createParallelCoordinates } from "../../shared/parallel.js";
import { svgFileText } from "../../shared/svg_file.js";
import { fetchData } from "../data_source.js";
import { importanceSpec, importanceTable } from "../setting_importance.js";
import { heatmapSpec, parallelSpec, pointTable, sweepSpec, trialTable } from "../setting_specs.js";
import { scopeParameters } from "../view_parts.js";
import { formatRunIds, readState, updateState } from "../view_state.js";

const SETTING_CHOICES = [
  ["x", "Sweep over"], ["lines", "Colour of the sweep"], ["column", "Columns of the heatmap"], ["row", "Rows of the heatmap"],
];

export const settingsView = {
  title: "Settings",
  create(container) {
    return createSettingsView(container);
  },
};

function createSettingsView(container) {
  const controls = createSettingControls();
  const status = createElement("p", { class: "hint" });
  const notes = createElement("p", { class: "hint" });
  container.append(controls.element, status, notes);
  const parallel = createFigure(container, "Trials over their settings", "parallel", (answer) => trialTable(answer));
  const selectKept = createElement("button", { type: "button", onclick: selectKeptRuns }, "");
  parallel.panel.body.append(selectKept);
  const sweep = createFigure(container, "Sweep", "sweep", (answer) => pointTable(answer.sweep, answer.metric));
  const heatmap = createFigure(container, "Heatmap", "heatmap", (answer) => pointTable(answer.heatmap, answer.metric));
  const importance = createFigure(container, "Importance of settings", "importance", importanceTable);

  let shownRequest = "";
  let answer = null;
  let fetchedAt = -Infinity;
  let timer = 0;
  let isDestroyed = false;

  function selectKeptRuns() {
    const isKept = parallel.chart.keptRows();
    updateState({ runs: formatRunIds(answer.trials.filter((_, row) => isKept[row]).flatMap((trial) => trial.runs)) });
  }

  function showKept() {
    const kept = parallel.chart ? parallel.chart.keptRows().filter(Boolean).length : 0;
    selectKept.textContent = `Select the runs of ${kept} of ${answer.trials.length} trials`;
    selectKept.hidden = kept === 0 || kept === answer.trials.length;
  }

  function onBrush(key, range) {
    const brushes = readBrushes(readState());
    if (range) brushes[key] = range;
    else delete brushes[key];
    const text = Object.keys(brushes).length ? JSON.stringify(brushes) : "";
    updateState({ "settings.brush": text }, { replace: true });
  }

  async function update(reason) {
    const state = readState();
    const parameters = settingParameters(state);
    const request = JSON.stringify(parameters);
    if (request !== shownRequest || reason === "data") {
      const wait = request === shownRequest ? answer.seconds * 1000 - (performance.now() - fetchedAt) : 0;
      if (wait > 0) scheduleUpdate(wait);
      else await fetchSettings(parameters, request);
    }
    if (isDestroyed) return;
    controls.show(state, answer.fields);
    parallel.chart?.update(parallelSpec(answer), readBrushes(state));
    showKept();
  }

  async function fetchSettings(parameters, request) {
    const [settings, shares] = await Promise.all([
      fetchData("settings", parameters),
      fetchData("settings/importance", { ...scopeParameters(readState()), by: parameters.by }),
    ]);
    if (isDestroyed) return;
    answer = settings;
    shownRequest = request;
    fetchedAt = performance.now() - answer.age * 1000;
    status.textContent = settingStatus(answer);
    notes.textContent = answer.notes.join("; ");
    const brushes = readBrushes(readState());
    parallel.show(answer, answer.fields.length ? "" : "No settings differ between these trials.", parallelSpec(answer), (body, spec) =>
      createParallelCoordinates(body, spec, { onBrush }));
    parallel.chart?.update(parallelSpec(answer), brushes);
    sweep.show(answer, answer.sweep.reason, sweepSpec(answer), createLineChart, answer.sweep);
    heatmap.show(answer, answer.heatmap.reason, heatmapSpec(answer), createHeatmap, answer.heatmap);
    importance.show(shares, shares.reason, importanceSpec(shares), createBars, {
      command: shares.command, notes: [shares.method, ...shares.notes].filter(Boolean),
    });
  }

  function scheduleUpdate(wait) {
    clearTimeout(timer);
    // An error is shown when the next change arrives.
    timer = setTimeout(() => update("data").catch(() => {}), wait + 50);
  }

  return {
    update,
    destroy() {
      isDestroyed = true;
      clearTimeout(timer);
      for (const figure of [parallel, sweep, heatmap, importance]) figure.chart?.destroy();
    },
  };
}

// A panel whose chart is created when there is something to draw, and removed when there is not.
function createFigure(container, title, fileName, toTable) {
  const figure = { chart: null, panel: null, show };
  let answer = null;
  figure.panel = createPanel({
    title, fileName: `${fileName}.svg`,
    toSvg: () => (figure.chart?.toSvg ? figure.chart.toSvg() : figure.chart ? svgFileText(figure.chart.svg) : ""),
    toTable: () => toTable(answer),
  });
  const place = createElement("div", { class: "settings-chart" });
  figure.panel.body.append(place);
  container.append(figure.panel.element);

  function show(newAnswer, reason, spec, create, { command, notes } = newAnswer) {
    answer = newAnswer;
    figure.panel.setCommand(command);
    figure.panel.setNote(reason || (notes || []).join("; "));
    if (reason) {
      figure.chart?.destroy();
      figure.chart = null;
    } else if (figure.chart === null) figure.chart = create(place, spec);
    else if (fileName !== "parallel") figure.chart.update(spec);
  }

  return figure;
}

function createSettingControls() {
  const by = createElement("input", { type: "text", size: 18, placeholder: "the study's objective", autocomplete: "off" });
  by.addEventListener("change", () => updateState({ "settings.by": by.value.trim() }));
  const over = createElement(
    "select", {}, createElement("option", { value: "" }, "best trial"), createElement("option", { value: "mean" }, "mean of trials"),
  );
  over.addEventListener("change", () => updateState({ "settings.over": over.value }));
  const selects = SETTING_CHOICES.map(([name, label]) => {
    const select = createElement("select", { "data-choice": name });
    select.addEventListener("change", () => updateState({ [`settings.${name}`]: select.value }));
    return { name, select, element: createElement("label", {}, label, " ", select) };
  });
  const element = createElement(
    "div", { class: "settings-controls" },
    createElement("label", {}, "Metric ", by), createElement("label", {}, "At each point ", over), ...selects.map((s) => s.element),
  );
  return {
    element,
    show(state, fields) {
      if (document.activeElement !== by) by.value = state["settings.by"] || "";
      over.value = state["settings.over"] || "";
      for (const { name, select } of selects) {
        const values = ["", ...fields];
        if (values.join("\n") !== Array.from(select.options, (option) => option.value).join("\n")) {
          const empty = name === "lines" ? "none" : "automatic";
          select.replaceChildren(...values.map((value) => createElement("option", { value }, value || empty)));
        }
        select.value = state[`settings.${name}`] || "";
      }
    },
  };
}

function settingParameters(state) {
  const names = ["by", "over", ...SETTING_CHOICES.map(([name]) => name)];
  return { ...scopeParameters(state), ...Object.fromEntries(names.map((name) => [name, state[`settings.${name}`] || ""])) };
}

// The brushes of the state; those of a damaged link are ignored.
function readBrushes(state) {
  try {
    const entries = Object.entries(JSON.parse(state["settings.brush"] || "{}"));
    const isRange = (range) => Array.isArray(range) && range.length === 2 && range.every(Number.isFinite);
    return Object.fromEntries(entries.filter(([, range]) => isRange(range)));
  } catch {
    return {};
  }
}

function settingStatus(answer) {
  const shown = answer.trials.length;
  const count = shown < answer.total ? `the best ${shown} of ${answer.total} trials are drawn` : `${shown} trials`;
  return `${answer.heading ? `${answer.heading}: ` : ""}${answer.metric} (${answer.direction}), best epoch of each run; ${count}`;
}
