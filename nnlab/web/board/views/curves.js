// The view "Curves": metrics in panels, of the selected runs or of the newest trials.
import { createElement } from "../../shared/dom.js";
import { curvesCommand } from "../curve_command.js";
import { createCurveControls } from "../curve_controls.js";
import { mergeCurveLines } from "../curve_data.js";
import { groupCurveMetrics } from "../curve_groups.js";
import { createCurveLegend } from "../curve_legend.js";
import { createCurvePanel } from "../curve_panel.js";
import { curveChartSpec, curveMarksNote, curvePointsNote, curveTrials, readCurveOptions } from "../curve_spec.js";
import { fetchData } from "../data_source.js";
import { formatRunIds, readState, updateState } from "../view_state.js";

const CURVE_CHART_HEIGHT = 260;
const MAX_CURVE_BUCKETS = 1000;
// Metrics whose lines are fetched together: few requests, and the first panels are drawn soon.
const METRICS_PER_REQUEST = 8;
// New runs and metrics appear after at most this time; new points of runs at once.
const CURVE_INDEX_PAUSE = 3000; // milliseconds

export const curvesView = {
  title: "Curves",
  create(container) {
    const view = new CurvesPage(container);
    return { update: (reason) => view.update(reason), destroy: () => view.destroy() };
  },
};

class CurvesPage {
  constructor(container) {
    this.controls = createCurveControls();
    this.legend = createCurveLegend((trial) => this.highlight(trial));
    this.scopeNote = createElement("p", { class: "curves-scope" });
    this.groups = createElement("div", { class: "curves-groups" });
    this.problem = createElement("p", { role: "status" });
    container.append(this.controls.element, this.scopeNote, this.problem, this.legend.element, this.groups);
    this.colors = new Map(); // trial -> index in the palette
    this.panels = new Map(); // key -> panel
    this.lines = new Map(); // metric -> Map(key -> line)
    this.changed = new Set(); // panels to draw
    this.batches = []; // metrics that were fetched together, with the cursor of their last answer
    this.changeCount = 0; // changes of the database that this page knows of
    this.axis = { kind: "number", label: "epoch", name: "own" };
    this.highlighted = null;
    this.index = null;
    this.work = Promise.resolve();
    this.abort = new AbortController();
    this.dataRequest = null;
    this.timer = null;
  }

  // Answers of the server are taken one after the other: those for panels that were scrolled into
  // view must not cross those of an update.
  update(reason) {
    const isOver = () => this.abort.signal.aborted;
    const work = this.work.then(() => this.updateNow(reason));
    // A request that ended with the view is no error.
    const result = work.catch((error) => (isOver() ? undefined : Promise.reject(error)));
    this.work = result.catch(() => {});
    return result;
  }

  // After the last change of the database no other one may come that would update the index.
  updateLater() {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.updateAlone("data");
    }, CURVE_INDEX_PAUSE);
  }

  // An update that main.js did not ask for.
  async updateAlone(reason) {
    try {
      await this.update(reason);
      this.problem.textContent = "";
    } catch (error) {
      this.problem.textContent = error.message;
    }
  }

  async updateNow(reason) {
    if (this.abort.signal.aborted) return;
    this.state = readState();
    this.options = readCurveOptions(this.state);
    await this.updateIndex(reason);
    if (this.abort.signal.aborted) return;
    this.controls.update(this.index);
    this.trials = curveTrials(this.index.runs, this.colors);
    this.legend.update(this.trials, this.options.hidden);
    this.updateGroups();
    await this.updateData(reason);
  }

  async updateIndex(reason) {
    const { runs = "", study = "" } = this.state;
    const parameters = { ...(runs ? { runs } : { study }), seeds: this.options.isMean ? "mean" : "lines" };
    const request = JSON.stringify(parameters);
    const isRecent = performance.now() - this.indexTime < CURVE_INDEX_PAUSE;
    if (request === this.indexRequest && reason === "data" && isRecent) this.updateLater();
    if (request === this.indexRequest && (reason !== "data" || isRecent)) return;
    this.index = await fetchData("curves/index", parameters, { signal: this.abort.signal });
    this.indexRequest = request;
    const digest = JSON.stringify(this.index.runs);
    if (digest !== this.runsDigest) this.markChanged(() => true); // labels, onsets of findings
    this.runsDigest = digest;
    this.indexTime = performance.now();
    this.scopeNote.textContent = describeShownRuns(this.index);
  }

  // Creates and removes panels; those that stay keep their chart.
  updateGroups() {
    const groups = groupCurveMetrics(
      this.index.metrics.map((metric) => metric.name),
      this.options.filter,
      this.options.isMerged,
    );
    const digest = JSON.stringify(groups);
    if (digest === this.groupsDigest) return this.openGroups(groups);
    this.groupsDigest = digest;
    const keys = new Set(groups.flatMap((group) => group.panels.map((panel) => panel.key)));
    for (const [key, panel] of this.panels) {
      if (keys.has(key)) continue;
      panel.destroy();
      this.panels.delete(key);
      this.changed.delete(panel);
    }
    this.groups.replaceChildren(...groups.map((group) => this.createGroup(group)));
    return this.openGroups(groups);
  }

  createGroup(group) {
    const grid = createElement("div", { class: "curves-grid" });
    for (const panel of group.panels) {
      if (!this.panels.has(panel.key)) this.panels.set(panel.key, this.createPanel(panel));
      grid.append(this.panels.get(panel.key).element);
    }
    const count = group.panels.length === 1 ? "1 panel" : `${group.panels.length} panels`;
    const details = createElement(
      "details",
      { class: "curves-group", "data-group": group.name },
      createElement("summary", {}, createElement("h2", {}, group.name), ` ${count}`),
      grid,
    );
    details.querySelector("summary").addEventListener("click", (event) => {
      event.preventDefault();
      this.toggleGroup(group.name);
    });
    return details;
  }

  createPanel(panel) {
    return createCurvePanel(panel, {
      onVisible: () => this.updateAlone("visible"),
      onZoom: (low, high) => {
        const [from, to] = [low, high].map((x) => roundedFor(x, high - low));
        updateState({ "curves.from": from, "curves.to": to });
      },
      onResetZoom: () => updateState({ "curves.from": "", "curves.to": "" }),
      onCursor: (x) => this.showCursor(panel.key, x),
    });
  }

  showCursor(key, x) {
    if (!this.options.isSynchronized) return;
    for (const other of this.visiblePanels()) if (other.panel.key !== key) other.setCursor(x);
  }

  openGroups(groups) {
    const toggled = this.toggledGroups();
    for (const details of this.groups.children) {
      const group = groups.find(({ name }) => name === details.dataset.group);
      details.open = toggled.has(group.name) ? !group.isOpen : group.isOpen;
    }
  }

  // The groups that a reader opened or closed, as a JSON list in the state.
  toggledGroups() {
    try {
      return new Set(JSON.parse(readState()["curves.groups"] || "[]"));
    } catch {
      return new Set();
    }
  }

  toggleGroup(name) {
    const toggled = this.toggledGroups();
    if (!toggled.delete(name)) toggled.add(name);
    updateState({ "curves.groups": toggled.size ? JSON.stringify([...toggled]) : "" });
  }

  async updateData(reason) {
    const request = this.dataParameters();
    const digest = JSON.stringify(request);
    if (digest !== this.dataRequest) {
      // The charts show the old lines until the new ones are here.
      this.dataRequest = digest;
      this.batches = [];
      this.lines = new Map();
    }
    if (reason === "state") this.markChanged(() => true);
    if (reason === "data") this.changeCount += 1;
    this.drawChanged();
    const visible = this.visibleMetrics();
    const fetched = new Set(this.batches.flatMap((batch) => batch.metrics));
    const missing = [...visible].filter((metric) => !fetched.has(metric));
    for (const batch of this.batches) {
      const isStale = batch.changeCount < this.changeCount;
      const isVisible = batch.metrics.some((metric) => visible.has(metric));
      if (isStale && isVisible) await this.fetchBatch(batch, request);
    }
    for (let start = 0; start < missing.length; start += METRICS_PER_REQUEST) {
      const metrics = missing.slice(start, start + METRICS_PER_REQUEST);
      const batch = { metrics, cursor: "", changeCount: 0 };
      await this.fetchBatch(batch, request);
      this.batches.push(batch);
    }
  }

  dataParameters() {
    const { axis, isMean, yLog, range } = this.options;
    const widths = [...this.panels.values()].map((panel) => panel.width());
    const width = Math.max(300, ...widths);
    return {
      runs: formatRunIds(this.index.runs.map((run) => run.run)),
      x: axis,
      seeds: isMean ? "mean" : "lines",
      log: yLog ? "1" : "",
      from: range?.[0],
      to: range?.[1],
      buckets: Math.min(MAX_CURVE_BUCKETS, 100 * Math.ceil(width / 100)),
    };
  }

  // Fetches what is new in the metrics of a batch, until no curve is left to be read.
  async fetchBatch(batch, request) {
    if (!request.runs) return;
    batch.changeCount = this.changeCount;
    let pending = 1;
    while (pending > 0 && !this.abort.signal.aborted) {
      const answer = await fetchData(
        "curves/data",
        { ...request, metrics: JSON.stringify(batch.metrics), after: batch.cursor },
        { signal: this.abort.signal },
      );
      batch.cursor = answer.cursor;
      this.axis = answer.x;
      const changed = new Set();
      pending = 0;
      for (const [metric, lines] of Object.entries(answer.metrics)) {
        const earlier = this.lines.get(metric);
        if (!earlier || lines.lines.length > 0 || lines.keys.length !== earlier.size) changed.add(metric);
        this.lines.set(metric, mergeCurveLines(earlier ?? new Map(), lines));
        pending += lines.pending.length;
      }
      this.readingNote = pending ? `reading ${pending} long ${pending === 1 ? "curve" : "curves"}` : "";
      this.answerNotes = answer.notes;
      this.markChanged(({ panel }) => panel.metrics.some((metric) => changed.has(metric)));
      this.drawChanged();
    }
  }

  visiblePanels() {
    return [...this.panels.values()].filter((panel) => panel.isVisible());
  }

  visibleMetrics() {
    return new Set(this.visiblePanels().flatMap(({ panel }) => panel.metrics));
  }

  markChanged(isChanged) {
    for (const panel of this.panels.values()) if (isChanged(panel)) this.changed.add(panel);
  }

  // Panels that are not visible are drawn when they are.
  drawChanged() {
    for (const panel of this.visiblePanels()) {
      if (!this.changed.has(panel) || !panel.panel.metrics.some((metric) => this.lines.has(metric))) continue;
      this.changed.delete(panel);
      this.drawPanel(panel);
    }
  }

  drawPanel(panel) {
    const { options, axis } = this;
    const spec = curveChartSpec({
      panel: panel.panel,
      linesByMetric: this.lines,
      trials: this.trials,
      axis,
      options,
      highlight: this.highlighted,
      height: CURVE_CHART_HEIGHT,
    });
    const shown = panel.panel.metrics.flatMap((metric) =>
      [...(this.lines.get(metric)?.values() ?? [])].filter((line) => !this.isHidden(line.key)),
    );
    const notes = [curvePointsNote(shown, options), curveMarksNote(spec), this.readingNote];
    notes.push(...(this.answerNotes ?? []));
    if (axis.kind !== "number" && options.isMean) {
      notes.push("a line for each run: seeds have different times");
    }
    if (spec.lines.length === 0) notes.push("no curve over this axis");
    panel.show(spec, {
      note: notes.filter(Boolean).join("; "),
      highlight: this.highlightKey(spec),
      command: curvesCommand({
        names: this.index.names,
        metrics: panel.panel.metrics,
        isMean: options.isMean,
        isLog: options.yLog,
        axis: options.axis,
        range: options.range,
        lineCount: this.legendSize(),
      }),
    });
  }

  legendSize() {
    return new Set(this.index.runs.map((run) => run.trial)).size;
  }

  isHidden(key) {
    const trial = this.trials.get(key);
    return !trial || this.options.hidden.has(trial.id);
  }

  highlightKey(spec) {
    return spec.lines.find((line) => line.trialId === this.highlighted)?.key ?? null;
  }

  highlight(trial) {
    this.highlighted = trial;
    this.markChanged(() => true);
    if (this.index && this.dataRequest) this.drawChanged();
  }

  destroy() {
    this.abort.abort();
    clearTimeout(this.timer);
    this.controls.destroy();
    for (const panel of this.panels.values()) panel.destroy();
  }
}

// A place on an axis with as many digits as a range of this length needs.
function roundedFor(x, length) {
  const step = 10 ** Math.floor(Math.log10(length / 1000));
  return Number((Math.round(x / step) * step).toPrecision(14));
}

function describeShownRuns({ title, names, runs, total, limit }) {
  const scope = names.length > 0 ? `${title}: ` : "";
  if (runs.length === 0) return `${scope}no run has started yet.`;
  const trials = new Set(runs.map((run) => run.trial)).size;
  const runsText = runs.length === 1 ? "1 run" : `${runs.length} runs`;
  const shown = `${scope}${trials === 1 ? "1 trial" : `${trials} trials`}, ${runsText}`;
  if (runs.length >= total) return `${shown}.`;
  return (
    `${shown} of ${total.toLocaleString("en")}: those of the newest ${limit} trials or runs.` +
    " Select others in the view Runs."
  );
}
