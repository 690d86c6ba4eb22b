// The data inside an exported page, and the answers to what the views ask for.
import { parseRunIds } from "./view_state.js";
import { exportedRuns, exportedTrials } from "./exported_runs.js";

let pageData = null; // the promise of the data, once they are needed

export function isExportedPage() {
  return document.getElementById("board-data") !== null;
}

// The name and version for the header of an exported page.
export function exportedSource() {
  return JSON.parse(document.getElementById("board-data").textContent).source;
}

async function readPageData() {
  const { compressed } = JSON.parse(document.getElementById("board-data").textContent);
  const bytes = Uint8Array.from(atob(compressed), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

// The answer to a request, as the server would give it.
export async function answerFromPage(name, parameters) {
  pageData ??= readPageData();
  const data = await pageData;
  const answer = exportedAnswer(data, name, parameters);
  if (answer === undefined) throw new Error("This is not in the exported page; nnlab board shows it.");
  if (answer.error) throw new Error(answer.error);
  return answer;
}

function exportedAnswer(data, name, parameters) {
  switch (name) {
    case "studies":
      return data.studies;
    case "runs":
      return exportedRuns(data, parameters);
    case "runs/ids":
      return { runs: exportedRuns(data, parameters, Infinity).rows.map((row) => row.run), total: 0 };
    case "runs/trials":
      return exportedTrials(data, parameters);
    case "run":
      return data.run[parameters.run];
    case "run/layers":
      return data.layers[parameters.run];
    case "run/log":
      return exportedLog(data.logs[parameters.run], parameters);
    case "two_runs":
    case "two_runs/curves":
      return data.pairs[`${parameters.a} ${parameters.b}`]?.[name];
    case "findings/evidence":
      return data.evidence[`${parameters.run} ${parameters.code}`];
    case "curves/index":
      return exportedIndex(data, parameters);
    case "curves/data":
      return exportedLines(data, parameters);
    default:
      return scopeAnswer(data, name, parameters);
  }
}

// Rankings and the like are in the page for all its runs and for each study; they do not follow the
// selection of runs.
function scopeAnswer(data, name, { study = "", runs: _, ...choices }) {
  if (Object.keys(choices).length) return undefined;
  const answer = data[`${name}?${study}`] ?? data[`${name}?`];
  return answer && { ...answer, age: 0, is_current: true };
}

function exportedLog(log, { size }) {
  if (log && log.size !== null && Number(size) === log.size) return { ...log, is_unchanged: true };
  return log && { ...log, has_more: false };
}

function exportedIndex(data, { runs, study, seeds }) {
  const { index } = data.curves[seeds === "lines" ? "lines" : "mean"];
  const ids = runs ? new Set(parseRunIds(runs)) : null;
  const isShown = (run) => (ids ? ids.has(run.run) : !study || run.study === study);
  return { ...index, runs: index.runs.filter(isShown) };
}

function exportedLines(data, parameters) {
  if (parameters.x) return undefined;
  const seeds = parameters.seeds === "lines" ? "lines" : "mean";
  const { index, lines, x } = data.curves[seeds];
  const ids = new Set(parseRunIds(parameters.runs || ""));
  const shown = index.runs.filter((run) => ids.has(run.run));
  const keys = new Set(shown.map((run) => (seeds === "lines" ? `run:${run.run}` : `trial:${run.trial}`)));
  const metrics = Object.fromEntries(JSON.parse(parameters.metrics).map((metric) => {
    const all = lines[metric] ?? { keys: [], lines: [] };
    const part = all.lines.filter((line) => keys.has(line.key));
    return [metric, { keys: part.map((line) => line.key), lines: part, pending: [] }];
  }));
  return { cursor: "", x, seeds, metrics, notes: [] };
}
