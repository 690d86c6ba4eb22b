// The output of the script of a run.
import { createElement } from "../shared/dom.js";
import { formatCount } from "../shared/numbers.js";
import { fetchData } from "./data_source.js";

const FIRST_LINES = 200;
const MORE_FACTOR = 5;
const MOST_LINES = 20000; // that the server gives

// Returns { element, update() }; it follows a growing file as a terminal does.
export function createRunLog(run) {
  let lineCount = FIRST_LINES;
  let size = -1;
  const text = createElement("pre", { class: "one-run-log", tabindex: "0", "aria-label": "output" });
  const more = createElement("button", { type: "button", hidden: true }, "Earlier lines");
  const note = createElement("p", { class: "hint" });
  const element = createElement(
    "section", { class: "one-run-section", hidden: true }, createElement("h2", {}, "Output"), more, text, note,
  );
  more.addEventListener("click", () => {
    lineCount = Math.min(lineCount * MORE_FACTOR, MOST_LINES);
    size = -1;
    update().catch((error) => {
      note.textContent = error.message;
    });
  });

  // One request after the other: an older answer never replaces a newer one.
  let latest = Promise.resolve();
  function update() {
    latest = latest.catch(() => {}).then(fetchOutput);
    return latest;
  }

  async function fetchOutput() {
    const data = await fetchData("run/log", { run, lines: lineCount, size });
    element.hidden = data.size === null;
    if (data.size === null || data.is_unchanged) return;
    const isAtEnd = text.scrollHeight - text.scrollTop - text.clientHeight < 20;
    size = data.size;
    text.textContent = data.lines.join("\n");
    more.hidden = !data.has_more;
    note.textContent = data.is_complete ? "" : `the last ${formatCount(data.lines.length)} lines`;
    if (isAtEnd) text.scrollTop = text.scrollHeight;
  }

  return { element, update };
}
