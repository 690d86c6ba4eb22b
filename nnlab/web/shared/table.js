// Tables that the reader sorts and filters.
import { createElement } from "./dom.js";
import { formatNumber } from "./numbers.js";

// Makes a table with a head sortable: by a click on a heading, or Enter on it. Cells sort by their
// attribute data-v, else by their text; cells without a value are last.
export function makeSortable(table) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const button = createElement("button", { type: "button", class: "sort" }, ...heading.childNodes);
    heading.replaceChildren(button);
    heading.addEventListener("click", () => {
      const isDescending = heading.getAttribute("aria-sort") === "ascending";
      for (const other of headings) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", isDescending ? "descending" : "ascending");
      sortRows(table, column, isDescending ? -1 : 1);
    });
  });
}

function sortRows(table, column, sign) {
  const keyed = [...table.tBodies[0].rows].map((row) => {
    const cell = row.cells[column];
    const text = (cell?.dataset.v ?? cell?.textContent ?? "").trim();
    return { row, text, number: text === "" ? NaN : Number(text) };
  });
  keyed.sort((a, b) => {
    if (a.text === "" || b.text === "") return (a.text === "") - (b.text === "");
    if (!Number.isNaN(a.number) && !Number.isNaN(b.number)) return sign * (a.number - b.number);
    return sign * a.text.localeCompare(b.text, "en", { numeric: true });
  });
  table.tBodies[0].append(...keyed.map(({ row }) => row));
}

// Hides the rows that do not contain every word of the input.
export function addFilter(input, table) {
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of table.tBodies[0].rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
  });
}

// A table of objects. columns: [{ key, label, align: "right"|undefined, format(value, row) }]; `format`
// returns text or an element. Returns { element, update(rows) }; with `key` (a function of a row) rows
// keep their place in the document when they are updated.
export function createTable({ caption, columns, rows, key }) {
  const heading = columns.map((column) =>
    createElement("th", { scope: "col", class: column.align === "right" ? "n" : null }, column.label));
  const body = createElement("tbody");
  const element = createElement(
    "table",
    {},
    caption ? createElement("caption", { class: "offscreen" }, caption) : null,
    createElement("thead", {}, createElement("tr", {}, heading)),
    body,
  );
  const shown = new Map(); // key -> { text, row }

  function update(newRows) {
    const elements = newRows.map((row, i) => {
      const id = key ? key(row) : i;
      const text = JSON.stringify(row);
      const old = shown.get(id);
      if (old && old.text === text) return old.row;
      const cells = createElement("tr", {}, columns.map((column) => createCell(column, row)));
      shown.set(id, { text, row: cells });
      return cells;
    });
    const current = [...body.children];
    if (elements.length !== current.length || elements.some((row, i) => row !== current[i])) {
      body.replaceChildren(...elements);
    }
    const ids = new Set(newRows.map((row, i) => (key ? key(row) : i)));
    for (const id of shown.keys()) if (!ids.has(id)) shown.delete(id);
  }

  update(rows);
  return { element, update };
}

function createCell(column, row) {
  const value = row[column.key];
  const content = column.format ? column.format(value, row) : defaultText(value);
  const isNumber = typeof value === "number";
  return createElement(
    "td",
    { class: column.align === "right" ? "n" : null, "data-v": isNumber ? value : null },
    content,
  );
}

function defaultText(value) {
  return typeof value === "number" ? formatNumber(value, 6) : value ?? "";
}
