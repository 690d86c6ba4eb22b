// What a chart shows of the curves of a panel.
import { lowerMedianOf, robustRange, smoothValues } from "./curve_data.js";

const CURVE_COLORS = 7;
// With more lines, best values and onsets are marked for the highlighted line only.
const MAX_MARKED_CURVES = 8;

// The options of a panel from the state of the page.
export function readCurveOptions(state) {
  const low = Number.parseFloat(state["curves.from"]);
  const high = Number.parseFloat(state["curves.to"]);
  return {
    axis: state["curves.x"] || "",
    isMean: state["curves.seeds"] !== "lines",
    xLog: state["curves.logx"] === "1",
    yLog: state["curves.logy"] === "1",
    isRobust: state["curves.robust"] === "1",
    isMerged: state["curves.merge"] === "1",
    isSynchronized: state["curves.sync"] === "1",
    smoothing: Math.min(0.99, Math.max(0, Number.parseFloat(state["curves.smooth"]) || 0)),
    filter: state["curves.filter"] || "",
    hidden: new Set((state["curves.hidden"] || "").split(",").filter(Boolean).map(Number)),
    range: low < high ? [low, high] : null,
  };
}

// The spec of `createLineChart`. `linesByMetric` has the lines of each metric by key, `trials` the
// trial of each line with its colour and label.
export function curveChartSpec({ panel, linesByMetric, trials, axis, options, highlight, height }) {
  const lines = [];
  for (const metric of panel.metrics) {
    const isDashed = panel.metrics.length > 1 && metric.startsWith("train/");
    for (const line of linesByMetric.get(metric)?.values() ?? []) {
      const trial = trials.get(line.key);
      if (!trial || options.hidden.has(trial.id)) continue;
      lines.push(curveChartLine({ line, metric, trial, panel, isDashed, axis, options }));
    }
  }
  const isMarked = (line) => lines.length <= MAX_MARKED_CURVES || line.trialId === highlight;
  return {
    title: panel.title,
    xLabel: axis.label,
    yLabel: panel.title,
    xLog: options.xLog,
    yLog: options.yLog,
    xKind: axis.kind,
    height,
    lines: lines.map((line) => ({ ...line, marks: isMarked(line) ? line.marks : [] })),
    rules: axis.name === "own" && panel.title.includes("loss") ? curveOnsetRules(lines, isMarked) : [],
    shaded: null,
    note: "",
    xRange: options.range,
    yRange: options.isRobust ? robustRange(lines) : null,
  };
}

function curveChartLine({ line, metric, trial, panel, isDashed, axis, options }) {
  const smoothed = options.smoothing > 0 && axis.name.startsWith("metric:") === false;
  const run = line.key.startsWith("run:") && !options.isMean ? `, run ${line.key.slice(4)}` : "";
  const split = panel.metrics.length > 1 ? `${metric}: ` : "";
  return {
    key: `${line.key}|${metric}`,
    trialId: trial.id,
    onsets: trial.onsets.get(line.key) ?? [],
    label: `${split}${trial.label}${run}`,
    color: trial.color,
    dashed: isDashed,
    width: line.key.startsWith("run:") ? 1 : 1.75,
    faint: false,
    points: axis.name.startsWith("metric:"),
    x: line.x,
    y: smoothed ? smoothValues(line.y, options.smoothing) : line.y,
    low: line.low,
    high: line.high,
    raw: smoothed ? { x: line.x, y: line.y } : undefined,
    nonFinite: line.nonFinite,
    marks: line.best ? [bestCurveMark(line, axis)] : [],
  };
}

function bestCurveMark(line, axis) {
  const [x, y] = line.best;
  return { x, y, kind: "best", text: `best: ${axis.label} ${x}` };
}

// Vertical lines where overfitting or a plateau begins, for a trial if most of its seeds have it.
function curveOnsetRules(lines, isMarked) {
  const rules = new Map();
  for (const line of lines.filter(isMarked)) {
    const rule = curveOnsetRule(line);
    if (rule) rules.set(`${line.trialId} ${rule.x} ${rule.kind}`, rule);
  }
  return [...rules.values()];
}

function curveOnsetRule({ onsets, color, label }) {
  for (const [code, kind, text] of [
    ["NN101", "onset", "overfitting starts"],
    ["NN102", "plateau", "plateau starts"],
  ]) {
    const places = onsets.map((onset) => onset[code]).filter((place) => place !== undefined);
    if (2 * places.length > onsets.length) {
      const x = lowerMedianOf(places);
      return { x, kind, color, text: `${text} at ${x} (${label})` };
    }
  }
  return null;
}

// What the marks and vertical lines of a chart mean.
export function curveMarksNote(spec) {
  const notes = [];
  if (spec.lines.some((line) => line.marks.length > 0)) notes.push("ring: best epoch");
  for (const [kind, name] of [["onset", "dotted line"], ["plateau", "dashed line"]]) {
    const texts = spec.rules.filter((rule) => rule.kind === kind).map((rule) => rule.text);
    if (texts.length > 0) notes.push(`${name}: ${texts.join(", ")}`);
  }
  return notes.join("; ");
}

// The trials of an index by the key of their lines, with a colour that stays the same as long as
// the page is open (`colors`: Map from trial to index).
export function curveTrials(runs, colors) {
  const trials = new Map();
  for (const trial of [...new Set(runs.map((run) => run.trial))].sort((a, b) => a - b)) {
    if (!colors.has(trial)) colors.set(trial, colors.size % CURVE_COLORS);
  }
  const studies = new Set(runs.map((run) => run.study));
  for (const run of runs) {
    const key = `trial:${run.trial}`;
    const label = run.label || run.name || run.study;
    if (!trials.has(key)) {
      trials.set(key, {
        id: run.trial,
        label: studies.size > 1 && run.label ? `${run.study}: ${label}` : label,
        color: colors.get(run.trial),
        runs: [],
        onsets: new Map([[key, []]]),
      });
    }
    const trial = trials.get(key);
    trial.runs.push(run);
    trial.onsets.get(key).push(run.onsets);
    trial.onsets.set(`run:${run.run}`, [run.onsets]);
    trials.set(`run:${run.run}`, trial);
  }
  return trials;
}

// How many of the values a panel draws: nothing is left out silently.
export function curvePointsNote(lines, options) {
  const points = lines.reduce((sum, line) => sum + line.points, 0);
  const bucketed = lines.filter((line) => line.size > 1);
  const notes = [];
  if (bucketed.length > 0) {
    const shown = lines.reduce((sum, line) => sum + line.x.length, 0);
    const sizes = [...new Set(bucketed.map((line) => line.size))].sort((a, b) => a - b);
    const size = sizes.length > 1 ? `${sizes[0]} to ${sizes.at(-1)}` : sizes[0];
    notes.push(
      `${shown.toLocaleString("en")} of ${points.toLocaleString("en")} points:` +
        ` mean, minimum and maximum of ${size} values each; zoom in for more`,
    );
  }
  if (lines.some((line) => line.size === 1 && line.low)) {
    notes.push("mean of the seeds with the 95 % interval, below 5 seeds with their range");
  }
  const gaps = lines.reduce((sum, line) => sum + line.nonFinite.length, 0);
  if (gaps > 0) notes.push(`NaN or infinite at ${gaps} ${gaps === 1 ? "place" : "places"}`);
  if (options.smoothing > 0) notes.push("smoothed, with the raw line beneath");
  if (options.isRobust) notes.push("the highest and lowest percent of the values are outside the range");
  return notes.join("; ");
}
