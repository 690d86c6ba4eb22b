// The values of a chart as a table.

// The named lines of a chart: a row for each position.
export function tableOfLines(spec) {
  const lines = spec.lines.filter((line) => !line.faint);
  const positions = [...new Set(lines.flatMap((line) => line.x))].sort((a, b) => a - b);
  const values = lines.map((line) => new Map(line.x.map((x, i) => [x, line.y[i]])));
  return {
    columns: [spec.xLabel, ...lines.map((line) => line.label)],
    rows: positions.map((x) => [x, ...values.map((byX) => byX.get(x) ?? null)]),
  };
}
