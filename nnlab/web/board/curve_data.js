// The lines of curves that the page has, completed by what the server sends.

// A copy of `lines` (Map from key to line) after an answer for one metric: lines that are gone are
// left out, and of the others the points after the first `keep` are replaced.
export function mergeCurveLines(lines, answer) {
  const sent = new Map(answer.lines.map((line) => [line.key, line]));
  const merged = new Map();
  for (const key of answer.keys) {
    const line = sent.has(key) ? mergeCurveLine(lines.get(key), sent.get(key)) : lines.get(key);
    if (line) merged.set(key, line);
  }
  return merged;
}

function mergeCurveLine(earlier, sent) {
  const { keep, ...line } = sent;
  if (!keep || !earlier) return line;
  for (const column of ["x", "y", "low", "high"]) {
    if (sent[column]) line[column] = earlier[column].slice(0, keep).concat(sent[column]);
  }
  return line;
}

// The exponential moving average of values with bias correction (as in Adam): without it the first
// values would be drawn towards zero. Gaps stay gaps.
export function smoothValues(values, weight) {
  let average = 0;
  let count = 0;
  return values.map((value) => {
    if (value === null) return null;
    average = weight * average + (1 - weight) * value;
    count += 1;
    return average / (1 - weight ** count);
  });
}

// The range of y values without the lowest and highest percent; null if there are few values.
export function robustRange(lines) {
  const values = lines.flatMap((line) => line.y).filter((value) => value !== null);
  if (values.length < 20) return null;
  values.sort((a, b) => a - b);
  const low = values[Math.floor(0.01 * (values.length - 1))];
  const high = values[Math.ceil(0.99 * (values.length - 1))];
  if (low === high) return null;
  const margin = 0.05 * (high - low);
  return [low - margin, high + margin];
}

// The epoch in the middle of several; the lower one of two.
export function lowerMedianOf(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted.length ? sorted[Math.floor((sorted.length - 1) / 2)] : null;
}
