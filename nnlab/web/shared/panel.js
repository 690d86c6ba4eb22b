// The frame of a figure: title, chart, note, buttons, and its data as a table.
import { createCopyButton } from "./copy_button.js";
import { createElement } from "./dom.js";
import { downloadText } from "./svg_file.js";
import { createTable } from "./table.js";
import { formatCount } from "./numbers.js";

const MAX_TABLE_ROWS = 1000;

// options: { title, command, fileName, toSvg() -> text, toTable() -> { columns, rows } }.
// Returns { element, body, setTitle(text), setNote(text), setCommand(text) }; the chart goes to `body`.
export function createPanel(options) {
  const title = createElement("h3", {}, options.title || "");
  const body = createElement("div", { class: "panel-body" });
  const note = createElement("p", { class: "hint panel-note", hidden: true });
  let command = options.command || "";
  const copyButton = createCopyButton(() => command, "Copy command");
  copyButton.title = "Copy the command that draws this figure for a paper";
  copyButton.hidden = !command;
  const saveButton = createElement("button", { type: "button" }, "Save SVG");
  saveButton.addEventListener("click", () => {
    downloadText(`${options.fileName || "figure"}.svg`, "image/svg+xml", options.toSvg());
  });
  const tools = createElement("div", { class: "panel-tools" }, options.toSvg ? saveButton : null, copyButton);
  const element = createElement(
    "figure",
    { class: "panel" },
    createElement("div", { class: "panel-head" }, title, tools),
    body,
    note,
    options.toTable ? createDataTable(options) : null,
  );
  return {
    element,
    body,
    setTitle(text) {
      title.textContent = text;
    },
    setNote(text) {
      note.textContent = text;
      note.hidden = !text;
    },
    setCommand(text) {
      command = text;
      copyButton.hidden = !text;
    },
  };
}

// The data as a table, which is made when it is opened.
function createDataTable(options) {
  const details = createElement(
    "details",
    { class: "panel-data" },
    createElement("summary", {}, "Data as a table"),
  );
  details.addEventListener("toggle", () => {
    for (const old of details.querySelectorAll(":scope > :not(summary)")) old.remove();
    if (!details.open) return;
    const { columns, rows } = options.toTable();
    const table = createTable({
      caption: options.title || "",
      columns: columns.map((label, i) => ({ key: i, label, align: i ? "right" : undefined })),
      rows: rows.slice(0, MAX_TABLE_ROWS),
    });
    details.append(createElement("div", { class: "scroll" }, table.element));
    if (rows.length > MAX_TABLE_ROWS) {
      const text = `the first ${formatCount(MAX_TABLE_ROWS)} of ${formatCount(rows.length)} rows`;
      details.append(createElement("p", { class: "hint" }, text));
    }
  });
  return details;
}
