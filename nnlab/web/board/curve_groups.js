// Metrics in panels, and panels in groups by name.

const CURVE_SPLITS = ["train", "val", "test"];
// Groups with more panels than this are closed until a reader opens them.
const MAX_OPEN_CURVE_PANELS = 12;

// [{ name, isOpen, panels: [{ key, title, metrics }] }] of the metrics that match the filter.
// With `isMerged`, the splits of a quantity share a panel.
export function groupCurveMetrics(metrics, filter, isMerged) {
  const groups = new Map();
  const matching = metrics.filter(metricMatcher(filter));
  for (const metric of matching.sort((a, b) => a.localeCompare(b, "en", { numeric: true }))) {
    const [split, ...rest] = metric.split("/");
    const hasSplit = CURVE_SPLITS.includes(split) && rest.length > 0;
    const key = isMerged && hasSplit ? rest.join("/") : metric;
    const group = isMerged && hasSplit ? CURVE_SPLITS.join(", ") : rest.length > 0 ? split : "other";
    if (!groups.has(group)) groups.set(group, new Map());
    const panels = groups.get(group);
    if (!panels.has(key)) panels.set(key, { key: `${group}:${key}`, title: key, metrics: [] });
    panels.get(key).metrics.push(metric);
  }
  return [...groups]
    .map(([name, panels]) => {
      const isOpen = panels.size <= MAX_OPEN_CURVE_PANELS;
      return { name, panels: [...panels.values()], isOpen };
    })
    .sort((a, b) => curveGroupRank(a.name) - curveGroupRank(b.name) || (a.name < b.name ? -1 : 1));
}

// Validation first: it is what runs are judged by.
function curveGroupRank(name) {
  const rank = ["train, val, test", "val", "train", "test"].indexOf(name);
  return rank < 0 ? 4 : rank;
}

// Whether a metric has one of the parts of a filter such as `loss, probe/*`.
function metricMatcher(filter) {
  const parts = filter.toLowerCase().split(",").map((part) => part.trim()).filter(Boolean);
  if (parts.length === 0) return () => true;
  const tests = parts.map((part) => {
    if (!part.includes("*")) return (name) => name.includes(part);
    const pieces = part.split("*").map((piece) => piece.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
    const pattern = new RegExp(`^${pieces.join(".*")}$`);
    return (name) => pattern.test(name);
  });
  return (metric) => tests.some((test) => test(metric.toLowerCase()));
}
