// State, setting and metrics of one run.
import { createElement } from "../shared/dom.js";
import { formatDuration, formatNumber, formatTime } from "../shared/numbers.js";
import { createTable } from "../shared/table.js";

// A section with a heading; null without content.
export function runSection(title, ...content) {
  return createElement("section", { class: "one-run-section" }, createElement("h2", {}, title), content);
}

// Pairs of a label and a text or element as a list of definitions.
export function definitionList(pairs) {
  return createElement("dl", { class: "one-run-facts" }, pairs.flatMap(([label, value]) => [
    createElement("dt", {}, label),
    createElement("dd", {}, value),
  ]));
}

export function runHeader(data) {
  const { state } = data;
  const isRunning = state.status === "running";
  const progress = state.epochs_planned
    ? createElement("progress", { max: state.epochs_planned, value: state.epochs, "aria-label": "progress" })
    : null;
  const planned = state.epochs_planned ? ` of ${formatNumber(state.epochs_planned)}` : "";
  const left = state.seconds_left ? `, ${formatDuration(state.seconds_left)} left` : "";
  const pairs = [
    ["Status", [state.status, state.reason ? `: ${state.reason}` : "", state.is_stopping ? " (stop requested)" : ""]],
    [`${state.axis}s`, [progress, ` ${formatNumber(state.epochs)}${planned}${left}`]],
    ["Trial", `${data.arm ? `${data.arm}, ` : ""}trial ${data.trial}`],
    ["Seed", `${state.seed ?? "unknown"}${state.repeat ? `, repeat ${state.repeat}` : ""}`],
  ];
  if (state.selected_epoch !== null) pairs.push(["Selected", `${state.axis} ${formatNumber(state.selected_epoch)}`]);
  if (state.pruned_at !== null) pairs.push(["Pruned", `after ${state.axis} ${formatNumber(state.pruned_at)}`]);
  if (state.name) pairs.push(["Name", state.name]);
  if (state.tags.length) pairs.push(["Tags", state.tags.join(" ")]);
  if (state.origin !== "builtin") pairs.push(["Origin", state.origin]);
  if (state.started !== null) pairs.push(["Started", formatTime(state.started)]);
  if (state.wall_seconds !== null) pairs.push(["Duration", formatDuration(state.wall_seconds)]);
  if (state.data_fingerprint) pairs.push(["Data hash", state.data_fingerprint]);
  for (const [name, value] of Object.entries(data.results)) pairs.push([name, valueOf(value)]);
  return createElement(
    "section",
    { class: `one-run-head${isRunning ? " one-run-running" : ""}` },
    createElement("h2", {}, `Run ${data.run}: ${data.study}`),
    definitionList(pairs),
  );
}

export function settingSection(data) {
  const rows = (isShown) => data.setting.filter((row) => row.has_effect === isShown)
    .map((row) => [row.name, valueOf(row.value)]);
  const others = rows(false);
  return runSection(
    "Setting",
    definitionList(rows(true)),
    others.length
      ? createElement("details", {}, createElement("summary", {}, `${others.length} fields without effect`), definitionList(others))
      : null,
  );
}

export function metricSection(data) {
  const { axis } = data.state;
  const number = (value) => (value === null ? "" : formatNumber(value, 5));
  const table = createTable({
    caption: "Metrics",
    columns: [
      { key: "metric", label: "metric", format: (name, row) => (row.is_objective ? createElement("b", {}, name) : name) },
      { key: "last", label: "last", align: "right", format: number },
      { key: "last_epoch", label: axis, align: "right", format: number },
      { key: "best", label: "best", align: "right", format: number },
      { key: "best_epoch", label: `at ${axis}`, align: "right", format: number },
      { key: "n", label: "points", align: "right", format: number },
    ],
    rows: data.metrics,
    key: (row) => row.metric,
  });
  const link = createElement("a", { href: `#view=curves&runs=${data.run}` }, "Curves of this run");
  return runSection("Metrics", createElement("div", { class: "scroll" }, table.element), createElement("p", {}, link));
}

function valueOf(value) {
  if (value === null) return "none";
  return typeof value === "number" ? formatNumber(value, 8) : String(value);
}
