// The view "Two runs": the differences of two runs, and their curves over each other.
import { createLineChart } from "../../shared/chart.js";
import { createElement } from "../../shared/dom.js";
import { formatNumber } from "../../shared/numbers.js";
import { createPanel } from "../../shared/panel.js";
import { fetchData } from "../data_source.js";
import { createStateLink } from "../view_parts.js";
import { parseRunIds, readState, updateState } from "../view_state.js";

export const twoRunsView = {
  title: "Two runs",
  create(container) {
    return createTwoRunsView(container);
  },
};

function createTwoRunsView(container) {
  const inputs = ["a", "b"].map((side) => {
    const input = createElement("input", { type: "number", min: 1, step: 1, "aria-label": `Run ${side}` });
    input.addEventListener("change", () => updateState({ [`compare.${side}`]: input.value }));
    return input;
  });
  const swap = createElement("button", { type: "button" }, "Swap");
  swap.addEventListener("click", () => {
    const [a, b] = comparedRuns(readState());
    updateState({ "compare.a": b, "compare.b": a });
  });
  const message = createElement("p", { class: "hint" });
  const parts = createElement("div");
  const curves = createElement("div", { class: "two-runs-curves" });
  container.append(
    createElement("div", { class: "settings-controls" }, createElement("label", {}, "a: run ", inputs[0]), createElement("label", {}, "b: run ", inputs[1]), swap),
    message, parts, curves,
  );
  let shownText = "";
  let shownCurves = "";
  let shownPair = "";
  const charts = new Map();

  function removeCharts() {
    for (const { chart, panel } of charts.values()) {
      chart.destroy();
      panel.element.remove();
    }
    charts.clear();
  }

  async function update(reason) {
    const pair = comparedRuns(readState());
    inputs.forEach((input, index) => {
      if (document.activeElement !== input) input.value = pair[index] || "";
    });
    const key = pair.join(",");
    if (key === shownPair && reason === "state") return;
    if (!pair[0] || !pair[1]) {
      message.textContent = "Select two runs in the view Runs, or enter their numbers.";
      parts.replaceChildren();
      removeCharts();
      [shownPair, shownText, shownCurves] = [key, "", ""];
      return;
    }
    const [a, b] = pair;
    const [answer, lines] = await Promise.all([fetchData("two_runs", { a, b }), fetchData("two_runs/curves", { a, b })]);
    if (key !== shownPair) removeCharts();
    shownPair = key;
    message.textContent = "";
    if (JSON.stringify(answer) !== shownText) {
      shownText = JSON.stringify(answer);
      const isOpen = parts.querySelector("details")?.open ?? false;
      parts.replaceChildren(...runDifferences(answer));
      const details = parts.querySelector("details");
      if (details) details.open = isOpen;
    }
    if (JSON.stringify(lines) !== shownCurves || !charts.size) {
      shownCurves = JSON.stringify(lines);
      showCurves(lines, pair, answer.curves_command);
    }
  }

  function showCurves(lines, pair, command) {
    for (const entry of lines.metrics) {
      const spec = pairSpec(entry, pair, lines.axes[0]);
      const drawn = charts.get(entry.metric);
      if (drawn) drawn.chart.update(spec);
      else charts.set(entry.metric, createPairChart(curves, spec, command, () => pairTable(charts.get(entry.metric).entry, pair)));
      charts.get(entry.metric).entry = entry;
    }
    const hidden = lines.shared - lines.metrics.length;
    message.textContent = hidden > 0 ? `${hidden} more shared metrics are in the view Curves.` : "";
  }

  return { update, destroy: removeCharts };
}

function createPairChart(container, spec, command, toTable) {
  const drawn = { chart: null, panel: null, entry: null };
  drawn.panel = createPanel({ title: spec.title, command, fileName: "two-runs.svg", toSvg: () => drawn.chart.toSvg(), toTable });
  container.append(drawn.panel.element);
  drawn.chart = createLineChart(drawn.panel.body, spec);
  return drawn;
}

function comparedRuns(state) {
  const selected = parseRunIds(state.runs);
  return [state["compare.a"] || String(selected[0] ?? ""), state["compare.b"] || String(selected[1] ?? "")];
}

function pairSpec(entry, pair, axis) {
  const lines = entry.curves.map((curve, index) => ({ key: "ab"[index], label: `run ${pair[index]}`, color: index, x: curve.x, y: curve.y }));
  const difference = curveDifference(entry.curves);
  lines.push({ key: "difference", label: `${pair[0]} − ${pair[1]}`, color: "other", dashed: true, x: difference.x, y: difference.y });
  return {
    title: entry.metric, xLabel: axis, yLabel: entry.metric, xLog: false, yLog: false, xKind: "number", height: 220, lines, rules: [],
    shaded: null, xRange: null,
  };
}

// a - b where both have a point.
function curveDifference([first, second]) {
  const others = new Map(second.x.map((x, index) => [x, second.y[index]]));
  const x = first.x.filter((value) => others.has(value));
  const values = new Map(first.x.map((value, index) => [value, first.y[index]]));
  return { x, y: x.map((value) => (values.get(value) === null || others.get(value) === null ? null : values.get(value) - others.get(value))) };
}

function pairTable(entry, pair) {
  const sides = entry.curves.map((curve) => new Map(curve.x.map((x, index) => [x, curve.y[index]])));
  const places = [...new Set(entry.curves.flatMap((curve) => curve.x))].sort((a, b) => a - b);
  return { columns: ["x", ...pair.map((run) => `run ${run}`)], rows: places.map((x) => [x, ...sides.map((side) => side.get(x) ?? null)]) };
}

function runDifferences(answer) {
  const names = answer.runs.map((run) => `run ${run.run}`);
  const finding = (entry) => (entry ? `${entry.severity}: ${entry.message}` : "-");
  const results = answer.results.map((row) => [row.metric, resultText(row, "a"), resultText(row, "b")]);
  return [
    ...answer.runs.map((run) =>
      createElement("p", {}, createStateLink(`Run ${run.run}`, { view: "run", "run.id": String(run.run) }),
        ` ${run.study}, ${run.trial || "default settings"}, seed ${run.seed ?? "unknown"}, ${run.status}, ${run.epochs} epochs`)),
    differenceTable("Settings", ["setting", ...names], answer.settings, "All settings are equal."),
    differenceTable("Results", ["metric (best at epoch; last)", ...names], results.filter((row) => row[1] !== row[2]), "All results are equal."),
    differenceTable("Findings", ["code", ...names], answer.findings.map((f) => [f.code, finding(f.a), finding(f.b)]), "Neither run has findings."),
    differenceTable("Environment", ["what", ...names], answer.environment, "Machine and packages are equal."),
    codeDifference(answer.code),
  ].flat();
}

function resultText(row, side) {
  if (row[`last_${side}`] === null && row[`best_${side}`] === null) return "-";
  const best = row[`best_${side}`] === null ? "" : `${formatNumber(row[`best_${side}`])} at ${row[`best_epoch_${side}`]}; `;
  return `${best}${row[`last_${side}`] === null ? "NaN" : formatNumber(row[`last_${side}`])}`;
}

function differenceTable(title, columns, rows, empty) {
  if (!rows.length) return [createElement("h2", {}, title), createElement("p", { class: "hint" }, empty)];
  return [
    createElement("h2", {}, title),
    createElement(
      "div", { class: "scroll", tabindex: 0, role: "region", "aria-label": title },
      createElement(
        "table", {},
        createElement("thead", {}, createElement("tr", {}, columns.map((column) => createElement("th", { scope: "col" }, column)))),
        createElement("tbody", {}, rows.map(([name, ...values]) =>
          createElement("tr", {}, createElement("th", { scope: "row" }, name), values.map((value) => createElement("td", {}, value))))),
      ),
    ),
  ];
}

function codeDifference(code) {
  const commits = code.commits.map((commit, index) => (commit ? `${commit.slice(0, 12)}${code.dirty[index] ? " with changes" : ""}` : "no commit"));
  const equal = code.commits[0] === code.commits[1] && !code.difference.length;
  const omitted = code.omitted ? `\n${code.omitted} more lines` : "";
  return [
    createElement("h2", {}, "Code"),
    createElement("p", {}, equal ? `Equal: ${commits[0]}` : `a: ${commits[0]}; b: ${commits[1]}`),
    code.difference.length
      ? createElement("details", {}, createElement("summary", {}, "Difference of the uncommitted changes"), createElement("pre", { class: "scroll" }, code.difference.join("\n") + omitted))
      : null,
  ].filter(Boolean);
}
