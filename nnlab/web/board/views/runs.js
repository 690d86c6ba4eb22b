// The view "Runs": a table over all studies, in which runs are selected for the other views.
import { createElement } from "../../shared/dom.js";
import { downloadText } from "../../shared/svg_file.js";
import { formatCount } from "../../shared/numbers.js";
import { fetchData } from "../data_source.js";
import { createColumnMenu } from "../runs_columns.js";
import { runColumns, trialColumns, chosenColumns, extraColumns } from "../runs_cells.js";
import { createFilterHelp } from "../runs_filter_help.js";
import { formatRunIds, parseRunIds, readState, updateState } from "../view_state.js";

const TYPING_PAUSE = 300; // milliseconds

export const runsView = {
  title: "Runs",
  create(container) {
    return new RunsTable(container);
  },
};

class RunsTable {
  constructor(container) {
    this.data = null;
    this.rows = new Map(); // key -> { text, element }
    this.lastChecked = null;
    this.openTrials = new Set();
    this.filter = createElement("input", {
      type: "search",
      class: "runs-filter",
      "aria-label": "filter the runs",
      placeholder: "filter, e.g. opt=adam lr<0.01 status:running NN101",
      value: readState()["runs.filter"] || "",
      oninput: () => this.onTyping(),
    });
    this.grouped = createElement("input", { type: "checkbox", onchange: () => this.onGroup() });
    this.columnMenu = createColumnMenu((columns) => updateState({ "runs.columns": columns }));
    this.status = createElement("p", { class: "hint runs-status", role: "status" });
    this.head = createElement("tr");
    this.body = createElement("tbody");
    this.table = createElement(
      "table",
      { class: "runs-table" },
      createElement("caption", { class: "offscreen" }, "Runs"),
      createElement("thead", {}, this.head),
      this.body,
    );
    this.body.addEventListener("keydown", (event) => this.onKey(event));
    this.pages = createElement("nav", { class: "runs-pages", "aria-label": "pages" });
    container.append(
      createElement(
        "div",
        { class: "runs-tools" },
        this.filter,
        createFilterHelp(),
        createElement("label", {}, this.grouped, " group by trial"),
        this.columnMenu.element,
        createElement("button", { type: "button", onclick: () => this.selectMatching() }, "Select all matching"),
        createElement("button", { type: "button", onclick: () => this.saveCsv() }, "Save CSV"),
      ),
      this.status,
      createElement("div", { class: "scroll runs-scroll" }, this.table),
      this.pages,
    );
  }

  destroy() {
    clearTimeout(this.typing);
  }

  parameters() {
    const state = readState();
    return {
      study: state.study,
      filter: state["runs.filter"],
      sort: state["runs.sort"],
      page: state["runs.page"],
      columns: extraColumns(state["runs.columns"]).join(","),
      metric: state["runs.metric"],
    };
  }

  async update(reason) {
    const state = readState();
    this.grouped.checked = state["runs.group"] === "trial";
    if (document.activeElement !== this.filter) this.filter.value = state["runs.filter"] || "";
    const request = JSON.stringify([this.parameters(), this.grouped.checked]);
    if (reason === "data" || request !== this.request) {
      const name = this.grouped.checked ? "runs/trials" : "runs";
      this.data = await fetchData(name, this.parameters());
      this.request = request;
    }
    this.show();
  }

  show() {
    const { data } = this;
    const columns = chosenColumns(readState()["runs.columns"]);
    this.columnMenu.update(data, columns);
    this.columns = this.grouped.checked ? trialColumns(data, columns) : runColumns(columns, data);
    this.showHead();
    this.selected = new Set(parseRunIds(readState().runs));
    const elements = this.grouped.checked ? this.trialRows() : data.rows.map((row) => this.runRow(row));
    const current = [...this.body.children];
    if (elements.length !== current.length || elements.some((row, i) => row !== current[i])) {
      const focused = document.activeElement?.closest?.("tr")?.dataset.key;
      this.body.replaceChildren(...elements);
      if (focused) this.body.querySelector(`tr[data-key="${CSS.escape(focused)}"] input`)?.focus();
    }
    for (const box of this.body.querySelectorAll("input[data-runs]")) this.showChecked(box);
    this.showStatus();
  }

  showHead() {
    const sort = readState()["runs.sort"] || "-run";
    const text = JSON.stringify([this.columns.map((column) => [column.label, column.sort]), sort, this.grouped.checked]);
    if (text === this.headText) return;
    this.headText = text;
    const selectAll = createElement("input", { type: "checkbox", "aria-label": "select the page" });
    selectAll.addEventListener("change", () => this.selectPage(selectAll.checked));
    this.selectAll = selectAll;
    this.head.replaceChildren(
      createElement("th", { class: "runs-check" }, selectAll),
      ...this.columns.map((column) => this.heading(column, sort)),
    );
  }

  heading(column, sort) {
    const direction = sort === column.sort ? "ascending" : sort === `-${column.sort}` ? "descending" : null;
    const content = column.sort && !this.grouped.checked
      ? createElement("button", { type: "button", class: "sort", onclick: () => this.sortBy(column, sort) }, column.label)
      : column.label;
    const options = { scope: "col", class: column.align === "right" ? "n" : null, "aria-sort": direction };
    return createElement("th", options, content);
  }

  sortBy(column, sort) {
    const first = column.ascendingFirst ? column.sort : `-${column.sort}`;
    const other = column.ascendingFirst ? `-${column.sort}` : column.sort;
    updateState({ "runs.sort": sort === first ? other : first, "runs.page": "" });
  }

  runRow(row, isMember = false) {
    return this.keyedRow(`${isMember ? "m" : "r"}${row.run}`, row, () =>
      createElement(
        "tr",
        { class: `runs-${row.status}${isMember ? " runs-member" : ""}` },
        createElement("td", { class: "runs-check" }, this.checkbox([row.run], `select run ${row.run}`)),
        this.columns.map((column) => this.cell(column, row, isMember)),
      ));
  }

  cell(column, row, isMember) {
    const content = isMember && column.memberCell ? column.memberCell(row) : column.cell(row);
    return createElement("td", { class: column.align === "right" ? "n" : null }, content);
  }

  // The trials of the page, and the runs of those that are open.
  trialRows() {
    const byRun = new Map(this.data.rows.map((row) => [row.run, row]));
    return this.data.trials.flatMap((trial) => {
      const runs = trial.runs.map((id) => byRun.get(id)).filter(Boolean);
      if (!runs.length) return [];
      const isOpen = this.openTrials.has(trial.trial);
      const element = this.keyedRow(`t${trial.trial}`, [trial, runs, isOpen], () => this.trialRow(trial, runs, isOpen));
      return [element, ...(isOpen ? runs.map((row) => this.runRow(row, true)) : [])];
    });
  }

  trialRow(trial, runs, isOpen) {
    const name = runs[0].trial || `trial ${trial.trial}`;
    const toggle = createElement("button", {
      type: "button",
      class: "runs-toggle",
      "aria-expanded": String(isOpen),
      "aria-label": `runs of ${name}`,
      onclick: () => this.toggleTrial(trial.trial),
    }, isOpen ? "▾" : "▸");
    return createElement(
      "tr",
      {},
      createElement("td", { class: "runs-check" }, this.checkbox(trial.runs, `select ${name}`)),
      this.columns.map((column, i) =>
        createElement(
          "td",
          { class: column.align === "right" ? "n" : null },
          i === 0 ? toggle : null,
          column.cell(trial, runs),
        )),
    );
  }

  toggleTrial(id) {
    if (!this.openTrials.delete(id)) this.openTrials.add(id);
    this.show();
    this.body.querySelector(`tr[data-key="t${id}"] .runs-toggle`)?.focus();
  }

  // The element of a row, made again only if its content has changed.
  keyedRow(key, content, create) {
    const text = JSON.stringify([content, this.headText]);
    const old = this.rows.get(key);
    if (old?.text === text) return old.element;
    const element = create();
    element.dataset.key = key;
    if (this.rows.size > 2000) this.rows.clear();
    this.rows.set(key, { text, element });
    return element;
  }

  checkbox(runs, label) {
    const box = createElement("input", { type: "checkbox", "aria-label": label, "data-runs": runs.join(",") });
    box.addEventListener("click", (event) => this.onCheck(box, event.shiftKey));
    return box;
  }

  showChecked(box) {
    const runs = box.dataset.runs.split(",").map(Number);
    box.checked = runs.every((id) => this.selected.has(id));
    box.indeterminate = !box.checked && runs.some((id) => this.selected.has(id));
  }

  // With shift, all rows since the last one that was checked.
  onCheck(box, isRange) {
    const boxes = [...this.body.querySelectorAll("input[data-runs]")];
    const end = boxes.indexOf(box);
    const start = isRange && this.lastChecked !== null ? boxes.findIndex((b) => b.dataset.runs === this.lastChecked) : end;
    this.lastChecked = box.dataset.runs;
    const range = start < 0 ? [box] : boxes.slice(Math.min(start, end), Math.max(start, end) + 1);
    this.setSelected(range.flatMap((b) => b.dataset.runs.split(",").map(Number)), box.checked);
  }

  selectPage(isSelected) {
    this.setSelected(this.data.rows.map((row) => row.run), isSelected);
  }

  setSelected(ids, isSelected) {
    const selected = new Set(parseRunIds(readState().runs));
    for (const id of ids) {
      if (isSelected) selected.add(id);
      else selected.delete(id);
    }
    updateState({ runs: formatRunIds(selected) }, { replace: true });
  }

  async selectMatching() {
    const { runs, total } = await fetchData("runs/ids", this.parameters());
    updateState({ runs: formatRunIds(runs) });
    if (runs.length < total) {
      this.status.textContent = `The first ${formatCount(runs.length)} of ${formatCount(total)} runs were selected.`;
    }
  }

  // Arrow keys move between the rows, Enter shows the run.
  onKey(event) {
    const row = event.target.closest("tr");
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!row || !step || event.target.matches("select")) return;
    const rows = [...this.body.rows];
    const next = rows[rows.indexOf(row) + step];
    next?.querySelector("input[data-runs]")?.focus();
    event.preventDefault();
  }

  onTyping() {
    clearTimeout(this.typing);
    this.typing = setTimeout(() => {
      updateState({ "runs.filter": this.filter.value.trim(), "runs.page": "" }, { replace: true });
    }, TYPING_PAUSE);
  }

  onGroup() {
    updateState({ "runs.group": this.grouped.checked ? "trial" : "", "runs.page": "", "runs.sort": "" });
  }

  showStatus() {
    const { total, page_size: size, metric } = this.data;
    const page = Number(readState()["runs.page"] || 1);
    const word = this.grouped.checked ? "trials" : "runs";
    const shown = this.grouped.checked ? this.data.trials.length : this.data.rows.length;
    const first = (page - 1) * size + 1;
    let text = `No ${word} match.`;
    if (shown) text = `${formatCount(first)} to ${formatCount(first + shown - 1)} of ${formatCount(total)} ${word}`;
    if (this.grouped.checked && metric) {
      text += `; mean of the best ${metric} with its 95 % interval over the seeds, the best first`;
    }
    if (this.status.textContent !== text) this.status.textContent = text;
    const pages = Math.max(1, Math.ceil(total / size));
    const key = `${page}/${pages}`;
    if (this.pages.dataset.key === key) return;
    this.pages.dataset.key = key;
    const button = (label, target, isOff) => createElement(
      "button",
      { type: "button", disabled: isOff, onclick: () => updateState({ "runs.page": target > 1 ? String(target) : "" }) },
      label,
    );
    this.pages.replaceChildren(...(pages === 1 && page === 1 ? [] : [
      button("first", 1, page <= 1),
      button("previous", page - 1, page <= 1),
      createElement("span", {}, `page ${formatCount(page)} of ${formatCount(pages)}`),
      button("next", page + 1, page >= pages),
      button("last", pages, page >= pages),
    ]));
  }

  saveCsv() {
    const quote = (text) => `"${String(text ?? "").replaceAll('"', '""')}"`;
    const rows = [...this.table.rows].map((row) => [...row.cells].slice(1).map((cell) => quote(cell.textContent)).join(","));
    downloadText("runs.csv", "text/csv", `${rows.join("\n")}\n`);
  }
}
