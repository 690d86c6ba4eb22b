// The command that draws the curves of a panel for a paper.

// `nnlab plot curves ...` for what a panel shows; "" if the command cannot draw it.
// `names` are the studies or runs.
export function curvesCommand({ names, metrics, isMean, isLog, axis, range, lineCount }) {
  if (axis) return "";
  const words = ["nnlab", "plot", "curves", ...names];
  for (const metric of metrics) words.push("--metric", metric);
  if (lineCount > 6) words.push("--top", String(lineCount));
  if (!isMean) words.push("--seeds", "all");
  if (isLog) words.push("--log");
  if (range) words.push("--xlim", `${range[0]}..${range[1]}`);
  return words.map(quoteShellWord).join(" ");
}

function quoteShellWord(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
