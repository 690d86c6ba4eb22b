// The view "One run": everything that is stored about a run.
import { createElement } from "../../shared/dom.js";
import { formatCount } from "../../shared/numbers.js";
import { fetchData } from "../data_source.js";
import { runHeader, settingSection, metricSection } from "../one_run_facts.js";
import { attemptSection, environmentSection, fileSection } from "../one_run_origin.js";
import { createLayerCharts } from "../one_run_layers.js";
import { createRunLog } from "../one_run_log.js";
import { runFindings, runCommands, relatedRuns } from "../one_run_related.js";
import { parseRunIds, readState, updateState } from "../view_state.js";

export const oneRunView = {
  title: "One run",
  create(container) {
    return new OneRun(container);
  },
};

// Sections of the page by name; each is made again only if its data have changed, so that open parts
// and the scroll position stay.
class OneRun {
  constructor(container) {
    this.number = createElement("input", {
      type: "number", min: "1", class: "one-run-number", "aria-label": "number of the run",
      onchange: () => updateState({ "run.id": this.number.value }),
    });
    this.sections = createElement("div");
    container.append(createElement("label", {}, "Run ", this.number), this.sections);
    this.shown = new Map(); // name -> { text, element }
    this.run = null;
  }

  destroy() {
    this.layers?.destroy();
  }

  // The run of the address, else the first selected one.
  runNumber() {
    const state = readState();
    return Number(state["run.id"]) || parseRunIds(state.runs)[0] || 0;
  }

  async update(reason) {
    const run = this.runNumber();
    if (document.activeElement !== this.number) this.number.value = run || "";
    if (!run) {
      this.clear();
      this.sections.append(createElement("p", { class: "hint" },
        "Enter the number of a run, or click on one in the table of runs."));
      return;
    }
    if (run !== this.run) {
      this.clear();
      this.run = run;
    } else if (reason === "state") {
      return;
    }
    const data = await fetchData("run", { run });
    this.show("head", [data.state, data.study, data.arm], () => runHeader(data));
    this.show("findings", data.findings, () => runFindings(data));
    this.show("metrics", data.metrics, () => metricSection(data));
    this.show("setting", data.setting, () => settingSection(data));
    await this.showLayers(run);
    this.show("files", data.files, () => fileSection(data));
    this.show("attempts", data.attempts, () => attemptSection(data));
    this.show("environment", data.environment, () => environmentSection(data));
    await this.showLog(run);
    this.show("related", [data.related, data.state.parent], () => relatedRuns(data));
    this.show("commands", data.commands, () => runCommands(data));
  }

  clear() {
    this.layers?.destroy();
    this.layers = null;
    this.log = null;
    this.run = null;
    this.shown.clear();
    this.sections.replaceChildren();
  }

  show(name, data, create) {
    const text = JSON.stringify(data);
    const old = this.shown.get(name);
    if (old?.text === text) return;
    const element = create();
    if (old) {
      const isOpen = [...old.element.querySelectorAll("details")].map((details) => details.open);
      [...element.querySelectorAll("details")].forEach((details, i) => {
        details.open = isOpen[i] ?? details.open;
      });
      old.element.replaceWith(element);
    } else {
      this.sections.append(element);
    }
    this.shown.set(name, { text, element });
  }

  async showLayers(run) {
    const data = await fetchData("run/layers", { run });
    if (!this.layers) {
      this.layers = createLayerCharts();
      this.sections.append(this.layers.element);
    }
    const omitted = data.omitted ? `${formatCount(data.omitted)} more quantities are not shown.` : "";
    this.layers.update(data, omitted);
  }

  async showLog(run) {
    if (!this.log) {
      this.log = createRunLog(run);
      this.sections.append(this.log.element);
    }
    await this.log.update();
  }
}
