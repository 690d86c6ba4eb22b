// The state of the page in the fragment of its address: a link shows the same view.
//
// Keys are `view`, `study` and `runs` (for all views), and `VIEW.NAME` for the rest. All values are
// strings; an empty one is left out.

const listeners = new Set();

export function readState() {
  return Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
}

// Changes keys of the state. With `replace` the browser's history gets no entry, as for typing.
export function updateState(changes, { replace = false } = {}) {
  const state = { ...readState(), ...changes };
  const entries = Object.entries(state).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  entries.sort(([a], [b]) => (a === "view" ? -1 : b === "view" ? 1 : a < b ? -1 : 1));
  const hash = `#${new URLSearchParams(entries)}`;
  if (hash === location.hash) return;
  if (replace) history.replaceState(null, "", hash);
  else history.pushState(null, "", hash);
  for (const listener of listeners) listener();
}

export function onStateChange(listener) {
  listeners.add(listener);
}

addEventListener("popstate", () => {
  for (const listener of listeners) listener();
});

// "1-3,7" -> [1, 2, 3, 7]
export function parseRunIds(text) {
  const ids = [];
  for (const part of (text || "").split(",").filter(Boolean)) {
    const [first, last = first] = part.split("-").map(Number);
    for (let id = first; id <= last; id += 1) ids.push(id);
  }
  return ids;
}

// [1, 2, 3, 7] -> "1-3,7"
export function formatRunIds(ids) {
  const sorted = [...new Set(ids)].sort((a, b) => a - b);
  const parts = [];
  for (let start = 0; start < sorted.length; ) {
    let end = start;
    while (sorted[end + 1] === sorted[end] + 1) end += 1;
    parts.push(start === end ? `${sorted[start]}` : `${sorted[start]}-${sorted[end]}`);
    start = end + 1;
  }
  return parts.join(",");
}
