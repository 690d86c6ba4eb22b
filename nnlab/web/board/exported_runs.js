// The table of runs of an exported page: filtered, sorted and cut as the server does it.
import { matchesRunFilter, parseRunFilter } from "./run_filter.js";

const EXPORTED_PAGE_SIZE = 50;
const SORT_COLUMNS = {
  run: (row) => row.run,
  study: (row) => row.study,
  name: (row) => row.name,
  seed: (row) => row.seed,
  status: (row) => row.status,
  epochs: (row) => row.epochs,
  started: (row) => row.started,
  duration: (row) => row.duration,
};

export function exportedRuns(data, parameters, pageSize = EXPORTED_PAGE_SIZE) {
  const { rows, settings, metrics } = data.runs;
  const matching = matchingRows(rows, parameters);
  const sorted = sortRunRows(matching, parameters.sort || "-run");
  const start = pageSize === Infinity ? 0 : (Number(parameters.page || 1) - 1) * pageSize;
  return {
    rows: sorted.slice(start, start + pageSize),
    total: matching.length,
    page_size: EXPORTED_PAGE_SIZE,
    settings,
    metrics,
  };
}

// The trials with a matching run; their numbers are those of all their runs.
export function exportedTrials(data, parameters) {
  const rows = matchingRows(data.runs.rows, parameters);
  const ids = new Set(rows.map((row) => row.trial_id));
  const trials = data.trials.flatMap((page) => page.trials).filter((trial) => ids.has(trial.trial));
  const start = (Number(parameters.page || 1) - 1) * EXPORTED_PAGE_SIZE;
  return {
    metric: data.trials[0]?.metric ?? null,
    total: trials.length,
    page_size: EXPORTED_PAGE_SIZE,
    trials: trials.slice(start, start + EXPORTED_PAGE_SIZE),
    rows: data.runs.rows,
    settings: data.runs.settings,
    metrics: data.runs.metrics,
  };
}

function matchingRows(rows, { study, filter }) {
  const conditions = parseRunFilter(filter || "");
  return rows.filter((row) => (!study || row.study === study) && matchesRunFilter(conditions, row));
}

// Rows without a value are last in both directions.
function sortRunRows(rows, sort) {
  const isDescending = sort.startsWith("-");
  const column = sort.replace(/^-/, "");
  const valueOf = SORT_COLUMNS[column] ?? ((row) => row.cells[column]);
  const isMissing = (value) => value === null || value === undefined;
  return [...rows].sort((first, second) => {
    const [a, b] = [valueOf(first), valueOf(second)];
    if (isMissing(a) || isMissing(b)) return isMissing(a) - isMissing(b) || second.run - first.run;
    return (isDescending ? compareValues(b, a) : compareValues(a, b)) || second.run - first.run;
  });
}

function compareValues(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === typeof b) return String(a) < String(b) ? -1 : Number(String(a) > String(b));
  return typeof a === "number" ? -1 : 1;
}
