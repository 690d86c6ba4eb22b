// Ticks of axes: where they are, and their labels.
import { formatNumber } from "./numbers.js";

const TIME_STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800,
];

// Round numbers from `low` to `high`, about `count` of them.
export function linearTicks(low, high, count) {
  if (!(high > low)) return [low];
  const rough = (high - low) / Math.max(count, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.7) * power;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

// Powers of ten from `low` to `high`, or 1, 2 and 5 times them if there are fewer than three.
export function logTicks(low, high, count) {
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  if (last - first >= 2) {
    const every = Math.ceil((last - first + 1) / Math.max(count, 2));
    return Array.from({ length: Math.floor((last - first) / every) + 1 }, (_, i) => 10 ** (first + i * every));
  }
  const ticks = [];
  for (let power = first - 1; power <= last; power += 1) {
    for (const factor of [1, 2, 5]) {
      const value = Number((factor * 10 ** power).toPrecision(3));
      if (value >= low && value <= high) ticks.push(value);
    }
  }
  return ticks.length > 1 ? ticks : linearTicks(low, high, count).filter((value) => value > 0);
}

// Round local times in Unix seconds.
export function timeTicks(low, high, count) {
  const offset = new Date(low * 1000).getTimezoneOffset() * 60;
  return stepTicks(low, high, roundTimeStep(low, high, count), offset);
}

function roundTimeStep(low, high, count) {
  const rough = (high - low) / Math.max(count, 1);
  return TIME_STEPS.find((candidate) => candidate >= rough) || Math.ceil(rough / 604800) * 604800;
}

function stepTicks(low, high, step, offset) {
  const ticks = [];
  for (let tick = Math.ceil((low - offset) / step) * step + offset; tick <= high; tick += step) ticks.push(tick);
  return ticks;
}

// The ticks of an axis. kind: "number", "time" (Unix seconds) or "duration" (seconds).
export function axisTicks(low, high, { log, kind, count }) {
  if (log) return logTicks(low, high, count);
  if (kind === "time") return timeTicks(low, high, count);
  // From a few seconds on, minutes and hours make the round durations.
  if (kind === "duration" && high - low > 10) return stepTicks(low, high, roundTimeStep(low, high, count), 0);
  return linearTicks(low, high, count);
}

export function tickLabels(ticks, kind) {
  if (kind === "duration") return ticks.map(durationLabel);
  if (kind !== "time") return ticks.map((value) => formatNumber(value, 6));
  const pad = (value) => String(value).padStart(2, "0");
  const step = ticks.length > 1 ? ticks[1] - ticks[0] : 60;
  return ticks.map((seconds) => {
    const time = new Date(seconds * 1000);
    if (step >= 86400) return `${time.getMonth() + 1}/${time.getDate()}`;
    const clock = `${pad(time.getHours())}:${pad(time.getMinutes())}`;
    return step < 60 ? `${clock}:${pad(time.getSeconds())}` : clock;
  });
}

function durationLabel(seconds) {
  if (seconds === 0) return "0";
  if (Math.abs(seconds) < 60) return `${formatNumber(seconds)} s`;
  if (Math.abs(seconds) < 3600) return `${formatNumber(seconds / 60)} min`;
  return `${formatNumber(seconds / 3600)} h`;
}
