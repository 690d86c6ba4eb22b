// What the view "Settings" draws and lists of the answer of the server.

export function parallelSpec(answer) {
  const results = answer.trials.map((trial) => trial.mean).filter((mean) => mean !== null);
  return {
    title: `Parallel coordinates of ${answer.trials.length} trials`,
    axes: [
      ...answer.axes.map((axis) => ({
        key: axis.field, label: axis.field, categorical: axis.categorical, values: axis.values, labels: axis.labels,
        log: isGeometric(axis),
      })),
      {
        key: "result", label: answer.metric, categorical: false, values: results,
        labels: results.map((value) => String(Number(value.toPrecision(4)))), log: false, lowerIsBetter: answer.direction === "min",
      },
    ],
    trials: answer.trials.map((trial) => ({ key: trial.runs.join(","), label: trial.label, values: [...trial.values, trial.mean] })),
  };
}

export function trialTable(answer) {
  return {
    columns: [...answer.fields, answer.metric, "n", "runs"],
    rows: answer.trials.map((trial) => [...trial.values, trial.mean, trial.n, trial.runs.join(" ")]),
  };
}

// Points per seed with the mean and interval of each value; a colour per value of the second setting.
export function sweepSpec(answer) {
  const { axes, points } = answer.sweep;
  const [axis, group] = axes;
  const place = (value) => (!axis.categorical ? value : axis.values.indexOf(String(value)));
  const groups = group ? group.values : [null];
  const lines = groups.flatMap((value, index) => {
    const chosen = points
      .filter((point) => value === null || point.at[1] === value || String(point.at[1]) === value)
      .sort((a, b) => place(a.at[0]) - place(b.at[0]));
    const color = index < 7 ? index : "other";
    const label = value === null ? "mean" : `${group.field} ${group.labels[index]}`;
    const samples = chosen.flatMap((point) => point.values.map((y) => [place(point.at[0]), y]));
    return [
      {
        key: `mean ${index}`, label, color, dashed: axis.categorical,
        x: chosen.map((point) => place(point.at[0])), y: chosen.map((point) => point.mean),
        low: chosen.map((point) => point.low), high: chosen.map((point) => point.high),
      },
      {
        key: `values ${index}`, label: `${label}, each ${answer.sweep.unit}`, color, points: true,
        x: samples.map(([x]) => x), y: samples.map(([, y]) => y),
      },
    ];
  });
  const names = axis?.categorical ? ` (${axis.labels.map((label, index) => `${index}: ${label}`).join(", ")})` : "";
  return {
    title: `${answer.metric} over ${axis?.field ?? ""}`, xLabel: `${axis?.field ?? ""}${names}`, yLabel: answer.metric,
    xLog: axis ? isGeometric(axis) : false, yLog: false, xKind: "number", height: 280, lines: axis ? lines : [], rules: [],
    shaded: null, xRange: null,
  };
}

export function heatmapSpec(answer) {
  const { axes: [column, row] = [], points } = answer.heatmap;
  if (!row) return { title: "", columnLabel: "", rowLabel: "", columns: [], rows: [], cells: [], lowerIsBetter: false };
  const index = (axis, value) => axis.values.findIndex((other) => String(other) === String(value));
  return {
    title: `${answer.metric} over ${column.field} and ${row.field}`,
    columnLabel: column.field, rowLabel: row.field, columns: column.labels, rows: row.labels,
    lowerIsBetter: answer.direction === "min",
    cells: points.map((point) => ({
      column: index(column, point.at[0]), row: index(row, point.at[1]), mean: point.mean, n: point.n, diverged: point.diverged,
      text: `${column.field} ${point.at[0]}, ${row.field} ${point.at[1]}: ${point.mean ?? "diverged"}`,
    })),
  };
}

export function pointTable(part, metric) {
  return {
    columns: [...part.axes.map((axis) => axis.field), metric, "low", "high", "n", "diverged"],
    rows: part.points.map((point) => [...point.at, point.mean, point.low, point.high, point.n, point.diverged]),
  };
}

// Whether positive numbers span a decade, which a logarithmic axis shows better.
function isGeometric(axis) {
  if (axis.categorical || axis.values.length < 2) return false;
  const [low, high] = [Math.min(...axis.values), Math.max(...axis.values)];
  return low > 0 && high / low >= 10;
}
