// The view "Findings": what the diagnosis found, the curves that show it, and what to try.
import { createLineChart } from "../../shared/chart.js";
import { createCopyButton } from "../../shared/copy_button.js";
import { createElement } from "../../shared/dom.js";
import { formatCount, formatNumber } from "../../shared/numbers.js";
import { createPanel } from "../../shared/panel.js";
import { makeSortable } from "../../shared/table.js";
import { fetchData } from "../data_source.js";
import { parseFragment } from "../fragment.js";
import { createStateLink, scopeParameters, setChildren } from "../view_parts.js";
import { readState, updateState } from "../view_state.js";

export const findingsView = {
  title: "Findings",
  create(container) {
    return createFindingsView(container);
  },
};

const FINDING_SEVERITIES = ["error", "warning", "info"];

function createFindingsView(container) {
  const severity = createSeveritySelect();
  const code = createFindingSelect();
  const status = createElement("p", { class: "hint" });
  const list = createElement("div", { class: "findings-list" });
  const remedies = createElement("section", { class: "findings-remedies", hidden: true });
  container.append(
    createElement(
      "div", { class: "findings-controls" },
      createElement("label", {}, "severity ", severity), createElement("label", {}, "finding ", code),
    ),
    status, list, remedies,
  );
  const cards = new Map();
  let answer = null;
  let shownScope = null;
  let hasOpened = false;
  let timer = 0;

  async function update(reason) {
    const state = readState();
    const scope = JSON.stringify(scopeParameters(state));
    if (reason === "data" || scope !== shownScope) {
      answer = await fetchData("findings", scopeParameters(state));
      shownScope = scope;
      if (!answer.is_current) scheduleUpdate(answer.seconds - answer.age);
    }
    show(state);
  }

  function scheduleUpdate(seconds) {
    if (timer) return;
    timer = setTimeout(() => {
      timer = 0;
      // An error is shown when the next change arrives.
      update("data").catch(() => {});
    }, Math.max(seconds, 0.1) * 1000);
  }

  function show(state) {
    severity.value = state["findings.severity"] || "";
    fillFindingSelect(code, answer.findings, state["findings.code"] || "");
    const visible = answer.findings.filter((finding) => isFindingShown(finding, state));
    status.textContent = findingsText(answer, visible);
    const elements = visible.map((finding) => {
      if (!cards.has(finding.code)) cards.set(finding.code, createFindingCard(finding.code));
      const card = cards.get(finding.code);
      card.update(finding, state);
      return card.element;
    });
    setChildren(list, elements);
    // The first finding is the most important one. Later it is open only if the reader wants it.
    if (!hasOpened && elements.length) elements[0].open = true;
    hasOpened ||= elements.length > 0;
    showTriedRemedies(remedies, answer.remedies);
  }

  return {
    update,
    destroy() {
      clearTimeout(timer);
      for (const card of cards.values()) card.destroy();
    },
  };
}

function createSeveritySelect() {
  const select = createElement(
    "select", {},
    createElement("option", { value: "" }, "all"),
    createElement("option", { value: "warning" }, "warnings and errors"),
    createElement("option", { value: "error" }, "errors"),
  );
  select.addEventListener("change", () => updateState({ "findings.severity": select.value }));
  return select;
}

function createFindingSelect() {
  const select = createElement("select");
  select.addEventListener("change", () => updateState({ "findings.code": select.value }));
  return select;
}

function fillFindingSelect(select, findings, chosen) {
  const codes = findings.map((finding) => [finding.code, `${finding.code} ${finding.name}`]);
  // A link may name a finding that no run has any more.
  if (chosen && !codes.some(([code]) => code === chosen)) codes.push([chosen, chosen]);
  const options = [["", "all"], ...codes];
  const isFilled =
    select.options.length === options.length &&
    options.every(([value, text], index) => {
      const option = select.options[index];
      return option.value === value && option.textContent === text;
    });
  if (!isFilled) {
    select.replaceChildren(...options.map(([value, text]) => createElement("option", { value }, text)));
  }
  select.value = chosen;
}

function isFindingShown(finding, state) {
  const least = FINDING_SEVERITIES.indexOf(state["findings.severity"] || "info");
  if (FINDING_SEVERITIES.indexOf(finding.severity) > least) return false;
  return !state["findings.code"] || state["findings.code"] === finding.code;
}

function findingsText(answer, visible) {
  const runs = `${formatCount(answer.runs)} ${answer.runs === 1 ? "run" : "runs"}`;
  if (!answer.findings.length) return `No rule reported a fault in ${runs}.`;
  const hidden = answer.findings.length - visible.length;
  const kinds = `${visible.length} ${visible.length === 1 ? "finding" : "findings"} in ${runs}`;
  return hidden ? `${kinds}; ${hidden} more with other filters.` : `${kinds}.`;
}

// The card of one finding. It is created once and then updated, so that what is open stays open.
function createFindingCard(code) {
  const title = createElement("span");
  const tag = createElement("span", { class: "tag" });
  const remedy = createElement("p");
  const explanation = createFindingExplanation();
  const commands = createElement("div", { class: "findings-commands" });
  const evidence = createFindingEvidence(code);
  const table = createCaseTable((run) => {
    updateState({ "findings.plot": `${code}:${run}` }, { replace: true });
  });
  const more = createElement("p", { class: "hint" });
  const element = createElement(
    "details", { class: "findings-card", id: `finding-${code}` },
    createElement("summary", {}, createElement("b", {}, code), " ", title, " ", tag),
    remedy, commands, explanation.element, evidence.element, table.element, more,
  );
  let finding = null;
  let wasChosen = false;
  let plotted = "";
  element.addEventListener("toggle", () => {
    if (element.open && finding) evidence.update(finding.cases);
  });
  return {
    element,
    update(next, state) {
      finding = next;
      element.className = `findings-card ${next.severity}`;
      title.textContent = `${next.name}: ${formatCount(next.runs)} ${next.runs === 1 ? "run" : "runs"}`;
      tag.textContent = next.severity;
      remedy.textContent = `What to try: ${next.remedy}.`;
      showFindingCommands(commands, next);
      explanation.update(next.explanation);
      table.update(next.cases);
      showFurtherRuns(more, next);
      const isChosen = state["findings.code"] === code;
      if (isChosen && !wasChosen) element.open = true;
      wasChosen = isChosen;
      const [plotCode, plotRun] = (state["findings.plot"] || "").split(":");
      if (plotCode === code && plotRun !== plotted) {
        plotted = plotRun;
        element.open = true;
        evidence.choose(Number(plotRun));
      }
      if (element.open) evidence.update(next.cases);
    },
    destroy() {
      evidence.destroy();
    },
  };
}

function createFindingExplanation() {
  const body = createElement("div");
  const element = createElement(
    "details", { class: "findings-explanation" },
    createElement("summary", {}, "How it is detected, and why it matters"), body,
  );
  return {
    element,
    update(paragraphs) {
      element.hidden = !paragraphs.length;
      if (body.childElementCount === paragraphs.length) return;
      body.replaceChildren(...paragraphs.map((text) => createElement("p", {}, text)));
    },
  };
}

function showFindingCommands(container, finding) {
  const trainable = finding.cases.find((affected) => affected.command);
  const commands = [[finding.explain_command, "explains the finding"]];
  if (trainable) {
    const names = finding.remedies.length ? `: ${finding.remedies.join("; ")}` : "";
    commands.unshift([trainable.command, `lists the remedies to test for run ${trainable.run}${names}`]);
  }
  const key = JSON.stringify(commands);
  if (container.dataset.key === key) return;
  container.dataset.key = key;
  container.replaceChildren(
    ...commands.map(([command, purpose]) =>
      createElement(
        "p", {},
        createElement("code", {}, command), " ", createCopyButton(command, "Copy command"), " ",
        createElement("span", { class: "hint" }, purpose),
      ),
    ),
  );
}

function showFurtherRuns(element, finding) {
  const hidden = finding.runs - finding.cases.length;
  element.hidden = hidden <= 0;
  if (hidden <= 0 || element.dataset.hidden === String(hidden)) return;
  element.dataset.hidden = hidden;
  element.replaceChildren(
    `The ${finding.cases.length} surest of ${formatCount(finding.runs)} runs are listed. `,
    createStateLink("All of these runs", { view: "runs", "runs.filter": finding.code }),
  );
}

// The runs with the finding; a button in each row plots its evidence.
function createCaseTable(plot) {
  const body = createElement("tbody");
  const headings = ["run", "study", "trial", "seed", "from", "confidence", "evidence", "plot"];
  const headingCells = headings.map((text) => createElement("th", { scope: "col" }, text));
  const table = createElement(
    "table", { class: "sortable" },
    createElement("thead", {}, createElement("tr", {}, headingCells)),
    body,
  );
  makeSortable(table);
  const rows = new Map();
  return {
    element: createElement("div", { class: "scroll" }, table),
    update(cases) {
      const runs = new Set(cases.map((affected) => affected.run));
      for (const [run, row] of rows) {
        if (runs.has(run)) continue;
        row.remove();
        rows.delete(run);
      }
      for (const affected of cases) {
        const key = JSON.stringify(affected);
        const shown = rows.get(affected.run);
        if (shown?.dataset.key === key) continue;
        const row = createCaseRow(affected, plot);
        row.dataset.key = key;
        if (shown) shown.replaceWith(row);
        else body.append(row);
        rows.set(affected.run, row);
      }
    },
  };
}

function createCaseRow(affected, plot) {
  const onset = affected.onset === null ? "" : `${affected.axis} ${formatCount(affected.onset)}`;
  return createElement(
    "tr", {},
    createElement(
      "td", { class: "n", "data-v": affected.run },
      createStateLink(String(affected.run), { view: "run", "run.id": affected.run }),
    ),
    createElement("td", {}, affected.study),
    createElement("td", {}, affected.trial),
    createElement("td", { class: "n", "data-v": affected.seed ?? "" }, String(affected.seed ?? "unknown")),
    createElement("td", { class: "n", "data-v": affected.onset ?? 0 }, onset),
    createElement("td", { class: "n", "data-v": affected.confidence }, affected.confidence.toFixed(2)),
    createElement("td", {}, affected.message),
    createElement(
      "td", {},
      createElement(
        "button", { type: "button", onclick: () => plot(affected.run) },
        `plot run ${affected.run}`,
      ),
    ),
  );
}

// The charts of the run that is plotted, at first the surest one, and the measurements of the rule.
function createFindingEvidence(code) {
  const element = createElement("div", { class: "findings-evidence", "aria-live": "polite" });
  let chosenRun = null;
  let shown = "";
  let charts = [];
  let request = null;

  async function fetchEvidence(run) {
    request?.abort();
    request = new AbortController();
    const { signal } = request;
    try {
      const evidence = await fetchData("findings/evidence", { run, code }, { signal });
      destroyCharts();
      element.replaceChildren();
      charts = evidence.panels.map((panel) => addEvidencePanel(element, panel, evidence));
      if (!charts.length) {
        element.append(createElement("p", { class: "hint" }, `Run ${run} has no curves for it.`));
      }
      element.append(createEvidenceMeasurements(evidence));
    } catch (error) {
      if (signal.aborted) return;
      shown = "";
      element.replaceChildren(createElement("p", { class: "hint" }, error.message));
    }
  }

  function destroyCharts() {
    for (const chart of charts) chart.destroy();
    charts = [];
  }

  return {
    element,
    choose(run) {
      chosenRun = run;
    },
    // Plots the chosen run, again if its finding has changed.
    update(cases) {
      chosenRun ??= cases[0]?.run ?? null;
      if (chosenRun === null) return;
      const key = JSON.stringify([chosenRun, cases.find((affected) => affected.run === chosenRun)]);
      if (key === shown) return;
      shown = key;
      fetchEvidence(chosenRun);
    },
    destroy() {
      request?.abort();
      destroyCharts();
    },
  };
}

function addEvidencePanel(container, panel, evidence) {
  const title = `Run ${evidence.run}: ${panel.title}`;
  const frame = createPanel({
    title,
    command: panel.command,
    fileName: `${evidence.code}-run-${evidence.run}`,
    toSvg: () => chart.toSvg(),
    toTable: () => evidenceTable(panel, evidence.axis),
  });
  container.append(frame.element);
  const chart = createLineChart(frame.body, evidenceSpec(title, panel, evidence.axis));
  frame.setNote(evidenceNote(panel, evidence.axis));
  return chart;
}

// What the reader sees in the chart: which line is which, the marks, and whether points are left out.
function evidenceNote(panel, axis) {
  const styles = panel.lines.map((line) => {
    return `${line.metric.startsWith("train/") ? "dashed" : "solid"}: ${line.metric}`;
  });
  const parts = panel.lines.length < 3 ? styles : [];
  if (panel.lines.some((line) => line.best)) parts.push(`ring: the selected ${axis}`);
  if (panel.onset !== null) parts.push(`vertical line: from ${axis} ${formatCount(panel.onset)}`);
  const drawn = Math.max(...panel.lines.map((line) => line.x.length));
  const count = Math.max(...panel.lines.map((line) => line.count));
  if (drawn < count) {
    parts.push(`${formatCount(drawn)} of ${formatCount(count)} points, with minimum and maximum`);
  }
  return parts.join("; ");
}

function evidenceSpec(title, panel, axis) {
  const color = panel.rule === "plateau" ? 2 : 1;
  return {
    title,
    xLabel: axis,
    yLabel: panel.quantity,
    xLog: false,
    yLog: panel.y_log,
    xKind: "number",
    height: 240,
    lines: panel.lines.map((line, index) => ({
      key: line.metric,
      label: line.metric,
      color: index % 7,
      dashed: line.metric.startsWith("train/"),
      width: 1.8,
      faint: false,
      points: false,
      x: line.x,
      y: line.y,
      low: line.low ?? undefined,
      high: line.high ?? undefined,
      nonFinite: line.non_finite,
      marks: line.best ? [{ x: line.best[0], y: line.best[1], kind: "best", text: `best ${axis}` }] : [],
    })),
    rules:
      panel.onset === null
        ? []
        : [{ x: panel.onset, kind: panel.rule, color, text: `from ${axis} ${panel.onset}` }],
    shaded: panel.shaded,
    note: "",
    xRange: null,
  };
}

function evidenceTable(panel, axis) {
  const positions = [...new Set(panel.lines.flatMap((line) => line.x))].sort((a, b) => a - b);
  const values = panel.lines.map((line) => new Map(line.x.map((x, index) => [x, line.y[index]])));
  return {
    columns: [axis, ...panel.lines.map((line) => line.metric)],
    rows: positions.map((x) => [x, ...values.map((column) => column.get(x) ?? null)]),
  };
}

function createEvidenceMeasurements(evidence) {
  const entries = Object.entries(evidence.measurements);
  if (!entries.length) return "";
  return createElement(
    "p", { class: "hint" },
    `Measured in run ${evidence.run}: `,
    entries.map(([name, value]) => `${name.replaceAll("_", " ")} ${formatNumber(value)}`).join(", "),
  );
}

function showTriedRemedies(section, html) {
  if (section.shownHtml === html) return;
  section.shownHtml = html;
  section.hidden = !html;
  section.replaceChildren(createElement("h2", {}, "Remedies tried"), parseFragment(html));
  for (const table of section.querySelectorAll("table")) makeSortable(table);
}
