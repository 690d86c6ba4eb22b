// Numbers as text, as the tables of nnlab write them.

const MISSING = "–";

// A number with some significant digits, without trailing zeros; a dash for a missing one.
export function formatNumber(value, digits = 4) {
  if (value === null || value === undefined || Number.isNaN(value)) return MISSING;
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return formatCount(value);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e7)) {
    return value.toExponential(digits - 1).replace(/\.?0+e/, "e").replace("e+", "e").replaceAll("-", "−");
  }
  // All digits before the point are shown: 12345.6 is no 12350.
  if (size >= 10 ** digits) return formatCount(Math.round(value));
  return String(Number(value.toPrecision(digits))).replace("-", "−");
}

// 12345 -> "12,345"
export function formatCount(value) {
  if (value === null || value === undefined) return MISSING;
  const digits = Math.abs(value) < 10000 ? String(Math.abs(value)) : Math.abs(value).toLocaleString("en-US");
  return value < 0 ? `−${digits}` : digits;
}

// A duration in seconds as "950 ms", "12 s", "3:05 min" or "2:05 h".
export function formatDuration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return MISSING;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${Number(seconds.toPrecision(3))} s`;
  const pad = (value) => String(Math.floor(value)).padStart(2, "0");
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${pad(seconds % 60)} min`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)}:${pad((seconds % 3600) / 60)} h`;
  return `${Number((seconds / 86400).toPrecision(3))} days`;
}

// Unix seconds as a time of day, with the date unless it is today.
export function formatTime(seconds) {
  const time = new Date(seconds * 1000);
  const pad = (value) => String(value).padStart(2, "0");
  const clock = `${pad(time.getHours())}:${pad(time.getMinutes())}:${pad(time.getSeconds())}`;
  if (time.toDateString() === new Date().toDateString()) return clock;
  return `${time.getFullYear()}-${pad(time.getMonth() + 1)}-${pad(time.getDate())} ${clock}`;
}
