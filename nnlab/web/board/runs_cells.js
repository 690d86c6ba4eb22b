// The columns of the table of runs, and their cells.
import { createElement } from "../shared/dom.js";
import { formatDuration, formatNumber, formatTime } from "../shared/numbers.js";

// Column -> { label, sort, align, cell(row) }.
const RUN_COLUMNS = {
  run: { label: "run", sort: "run", align: "right", cell: (row) => runLink(row) },
  study: { label: "study", sort: "study", ascendingFirst: true, cell: (row) => row.study },
  name: { label: "name", sort: "name", ascendingFirst: true, cell: (row) => row.name ?? "" },
  trial: { label: "trial", cell: (row) => row.arm ?? row.trial },
  seed: { label: "seed", sort: "seed", align: "right", ascendingFirst: true, cell: (row) => row.seed ?? "" },
  status: { label: "status", sort: "status", ascendingFirst: true, cell: (row) => row.status },
  progress: { label: "progress", sort: "epochs", cell: (row) => progressCell(row) },
  best: { label: "best", align: "right", cell: (row) => bestCell(row) },
  findings: { label: "findings", cell: (row) => row.flags.join(" ") },
  tags: { label: "tags", cell: (row) => row.tags.join(" ") },
  origin: { label: "origin", cell: (row) => row.origin },
  started: { label: "started", sort: "started", cell: (row) => (row.started ? formatTime(row.started) : "") },
  duration: { label: "time", sort: "duration", align: "right", cell: (row) => durationText(row) },
};
const DEFAULT_COLUMNS = [
  "run", "study", "trial", "seed", "status", "progress", "best", "findings", "started", "duration",
];
export const COLUMN_NAMES = Object.keys(RUN_COLUMNS);

// The columns of the state: "-tags" leaves out a column that is shown by default, "name" adds one,
// as does "setting:lr", "best:val/loss" or "last:train/loss".
export function chosenColumns(text) {
  const parts = (text || "").split(",").filter(Boolean);
  const hidden = new Set(parts.filter((part) => part.startsWith("-")).map((part) => part.slice(1)));
  const added = parts.filter((part) => !part.startsWith("-"));
  const plain = COLUMN_NAMES.filter((name) => (DEFAULT_COLUMNS.includes(name) && !hidden.has(name)) || added.includes(name));
  return [...plain, ...added.filter((part) => part.includes(":"))];
}

// The columns of the state that the server adds to each row: settings and values of metrics.
export function extraColumns(text) {
  return (text || "").split(",").filter((part) => part.includes(":"));
}

export function isDefaultColumn(name) {
  return DEFAULT_COLUMNS.includes(name);
}

export function runColumns(names) {
  return names.map((name) => RUN_COLUMNS[name] ?? extraColumn(name));
}

// "setting:lr" is headed "lr", "best:val/loss" "best val/loss".
function extraColumn(name) {
  const [kind, ...rest] = name.split(":");
  const field = rest.join(":");
  return {
    label: kind === "setting" ? field : `${kind} ${field}`,
    sort: name,
    align: "right",
    cell: (row) => valueText(row.cells[name]),
  };
}

function valueText(value) {
  return typeof value === "number" ? formatNumber(value, 5) : String(value ?? "");
}

// The columns of trials; their runs, when they are shown, have cells of their own.
export function trialColumns(data, names) {
  const settings = names.filter((name) => name.startsWith("setting:")).map((name) => {
    const column = extraColumn(name);
    return { ...column, cell: (_, runs) => column.cell(runs[0]), memberCell: () => "" };
  });
  return [
    { label: "trial", cell: (_, runs) => runs[0].arm ?? (runs[0].trial || "–"), memberCell: (row) => runLink(row) },
    { label: "study", cell: (_, runs) => runs[0].study, memberCell: (row) => (row.seed === null ? "" : `seed ${row.seed}`) },
    ...settings,
    { label: "n", align: "right", cell: (trial) => trial.n, memberCell: () => "" },
    { label: data.metric || "mean", align: "right", cell: (trial) => formatNumber(trial.mean), memberCell: (row) => bestCell(row) },
    { label: "95 % interval", align: "right", cell: (trial) => intervalText(trial), memberCell: () => "" },
    { label: "runs", cell: (_, runs) => statusCounts(runs), memberCell: (row) => row.status },
    { label: "findings", cell: (_, runs) => findingCounts(runs), memberCell: (row) => row.flags.join(" ") },
  ];
}

function runLink(row) {
  return createElement("a", { href: `#view=run&run.id=${row.run}` }, row.run);
}

function progressCell(row) {
  if (!row.epochs_planned) return row.epochs ? `${row.axis} ${formatNumber(row.epochs)}` : "";
  const label = `${formatNumber(row.epochs)} of ${formatNumber(row.epochs_planned)}`;
  const bar = createElement("progress", {
    max: row.epochs_planned,
    value: row.epochs,
    "aria-label": `${label} ${row.axis}s`,
  });
  const left = row.seconds_left ? `, ${formatDuration(row.seconds_left)} left` : "";
  return createElement("span", { class: "runs-progress" }, bar, `${label}${left}`);
}

function bestCell(row) {
  if (row.best === null || row.best === undefined) return "";
  const place = row.best_epoch === null ? "" : ` at ${row.axis} ${formatNumber(row.best_epoch)}`;
  return createElement("span", { title: `best ${row.metric}${place}` }, `${formatNumber(row.best)} `,
    createElement("small", {}, row.metric));
}

function durationText(row) {
  return row.duration === null ? "" : formatDuration(row.duration);
}

function intervalText(trial) {
  return trial.low === null || trial.high === null ? "" : `${formatNumber(trial.low)} to ${formatNumber(trial.high)}`;
}

function statusCounts(runs) {
  return countTexts(runs.map((row) => row.status));
}

function findingCounts(runs) {
  return countTexts(runs.flatMap((row) => row.flags), runs.length);
}

// ["a", "a", "b"] -> "2 a, 1 b"; of a total "a 2/3, b 1/3".
function countTexts(words, total) {
  const counts = new Map();
  for (const word of words) counts.set(word, (counts.get(word) || 0) + 1);
  return [...counts].map(([word, count]) => (total ? `${word} ${count}/${total}` : `${count} ${word}`)).join(", ");
}
