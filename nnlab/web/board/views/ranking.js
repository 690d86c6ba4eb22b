// The view "Ranking": the tables of `nnlab compare`, with a checkbox that selects the runs of a row.
import { createCopyButton } from "../../shared/copy_button.js";
import { createElement } from "../../shared/dom.js";
import { addFilter, makeSortable } from "../../shared/table.js";
import { fetchData } from "../data_source.js";
import { parseFragment } from "../fragment.js";
import { followStateLinks, scopeParameters } from "../view_parts.js";
import { formatRunIds, parseRunIds, readState, updateState } from "../view_state.js";

export const rankingView = {
  title: "Ranking",
  create(container) {
    return createRankingView(container);
  },
};

function createRankingView(container) {
  const controls = createRankingControls();
  const status = createElement("p", { class: "hint" });
  const groups = createElement("div", { class: "ranking-groups" });
  container.append(controls.element, status, groups);
  followStateLinks(groups);
  groups.addEventListener("change", (event) => {
    if (event.target.matches(".ranking-select")) selectRowRuns(event.target);
  });

  let shownRequest = "";
  let answer = null;
  let fetchedAt = -Infinity;
  let timer = 0;

  async function update(reason) {
    const state = readState();
    const parameters = rankingParameters(state);
    const request = JSON.stringify(parameters);
    controls.show(state);
    if (request === shownRequest) {
      markSelectedRows(groups, state);
      if (reason === "state") return;
      // A ranking of many runs takes time: while runs are trained it is not computed on each change.
      const wait = answer.seconds * 1000 - (performance.now() - fetchedAt);
      if (wait > 0) {
        scheduleUpdate(wait);
        return;
      }
    }
    await fetchRanking(parameters, request);
  }

  async function fetchRanking(parameters, request) {
    clearTimeout(timer);
    timer = 0;
    const isOther = request !== shownRequest;
    answer = await fetchData("ranking", parameters);
    fetchedAt = performance.now() - answer.age * 1000;
    shownRequest = request;
    if (!answer.is_current) scheduleUpdate((answer.seconds - answer.age) * 1000);
    controls.setMetrics(answer.metrics);
    controls.setCommand(answer.command);
    status.textContent = rankingText(answer);
    showRankedGroups(groups, answer, isOther);
    markSelectedRows(groups, readState());
  }

  function scheduleUpdate(milliseconds) {
    if (timer) return;
    timer = setTimeout(() => {
      timer = 0;
      const state = readState();
      const parameters = rankingParameters(state);
      const request = JSON.stringify(parameters);
      // An error is shown when the next change arrives.
      if (request === shownRequest) fetchRanking(parameters, request).catch(() => {});
    }, Math.max(milliseconds, 100));
  }

  return {
    update,
    destroy() {
      clearTimeout(timer);
      shownRequest = null;
    },
  };
}

// With `ranking.show=all` the ranking is not limited to the selected runs: its rows select them.
function rankingParameters(state) {
  const showsAll = state["ranking.show"] === "all";
  return {
    ...scopeParameters(showsAll ? { ...state, runs: "" } : state),
    by: state["ranking.by"] || "",
    at: state["ranking.at"] || "",
    uncertainty: state["ranking.uncertainty"] || "",
  };
}

function createRankingControls() {
  const metrics = createElement("datalist", { id: "ranking-metrics" });
  const by = createElement("input", {
    type: "text", list: "ranking-metrics", size: "18", placeholder: "the study's objective",
    autocomplete: "off", spellcheck: "false",
  });
  by.addEventListener("change", () => updateState({ "ranking.by": by.value.trim() }));
  const at = createElement("input", { type: "text", size: "6", placeholder: "best", list: "ranking-at" });
  at.addEventListener("change", () => {
    const text = at.value.trim();
    updateState({ "ranking.at": text === "best" ? "" : text });
  });
  const atChoices = createElement(
    "datalist", { id: "ranking-at" },
    createElement("option", { value: "best" }), createElement("option", { value: "last" }),
  );
  const uncertainty = createElement(
    "select", {},
    createElement("option", { value: "" }, "95 % CI"),
    createElement("option", { value: "se" }, "standard error"),
    createElement("option", { value: "sd" }, "sd"),
  );
  uncertainty.addEventListener("change", () => updateState({ "ranking.uncertainty": uncertainty.value }));
  const only = createElement("input", { type: "checkbox" });
  only.addEventListener("change", () => updateState({ "ranking.show": only.checked ? "" : "all" }));
  const onlyLabel = createElement("label", {}, only, " only the selected runs");
  let command = "";
  const copy = createCopyButton(() => command, "Copy command");
  const code = createElement("code", { class: "ranking-command" });
  const element = createElement(
    "div", { class: "ranking-controls" },
    createElement("label", {}, "metric ", by), metrics,
    createElement("label", {}, "at epoch ", at), atChoices,
    createElement("label", {}, "± ", uncertainty),
    onlyLabel,
    createElement("span", { class: "ranking-copy" }, code, " ", copy),
  );
  return {
    element,
    show(state) {
      setUnlessFocused(by, state["ranking.by"] || "");
      setUnlessFocused(at, state["ranking.at"] || "");
      uncertainty.value = state["ranking.uncertainty"] || "";
      only.checked = state["ranking.show"] !== "all";
      onlyLabel.hidden = !state.runs;
    },
    setMetrics(names) {
      if (names.length === metrics.childElementCount) return;
      metrics.replaceChildren(...names.map((name) => createElement("option", { value: name })));
    },
    setCommand(text) {
      command = text || "";
      code.textContent = command;
      code.parentElement.hidden = !command;
    },
  };
}

function setUnlessFocused(input, value) {
  if (document.activeElement !== input) input.value = value;
}

function rankingText(answer) {
  const time = new Date(answer.computed_at * 1000).toLocaleTimeString();
  const parts = [`Computed at ${time}; while runs are trained, at most every ${answer.seconds} seconds.`];
  if (answer.group_count > 1) {
    const groups = `${answer.group_count} groups of runs that are not comparable with each other`;
    parts.push(`${groups}, the newest first.`);
  }
  if (answer.other_groups.length) parts.push(`Not shown: ${answer.other_groups.join("; ")}.`);
  return parts.join(" ");
}

// Shows the groups; a table that has not changed stays as it is, with its order and its focus.
function showRankedGroups(container, answer, isOther) {
  const shown = new Map([...container.children].map((section) => [section.dataset.heading, section]));
  const sections = answer.groups.map((group) => {
    const section = isOther ? null : shown.get(group.heading);
    if (section && section.rankingHtml === group.html) return section;
    return createRankedGroup(group, section);
  });
  if (!sections.length) sections.push(createElement("p", {}, "Nothing has been trained yet."));
  if (sections.length !== container.children.length || sections.some((s, i) => s !== container.children[i])) {
    container.replaceChildren(...sections);
  }
}

function createRankedGroup(group, previous) {
  const title = group.heading ? `Ranking: ${group.heading}` : "Ranking";
  const section = createElement("section", { "data-heading": group.heading }, createElement("h2", {}, title));
  section.rankingHtml = group.html;
  section.append(parseFragment(group.html));
  const table = section.querySelector("table");
  if (!table) return section;
  const filter = createElement("input", {
    class: "filter", type: "search", placeholder: "filter, e.g. adam 0.01",
    "aria-label": `filter the ${title.toLowerCase()}`,
  });
  filter.value = previous?.querySelector(".filter")?.value ?? "";
  table.closest(".scroll").before(filter);
  addRowCheckboxes(table);
  makeSortable(table);
  addFilter(filter, table);
  if (filter.value) filter.dispatchEvent(new Event("input"));
  restoreTableOrder(table, previous?.querySelector("table"));
  return section;
}

// Sorts a new table as the reader has sorted the one that it replaces.
function restoreTableOrder(table, previous) {
  if (!previous) return;
  const headers = [...previous.querySelectorAll("thead th")];
  const index = headers.findIndex((header) => header.hasAttribute("aria-sort"));
  const header = table.querySelectorAll("thead th")[index];
  if (!header || headers.length !== table.querySelectorAll("thead th").length) return;
  const order = headers[index].getAttribute("aria-sort");
  const control = header.querySelector("button") ?? header;
  for (let clicks = 0; clicks < 2 && header.getAttribute("aria-sort") !== order; clicks += 1) control.click();
}

function addRowCheckboxes(table) {
  for (const row of table.tBodies[0].rows) {
    if (!row.dataset.runs) {
      row.cells[0]?.prepend(createElement("span", { class: "ranking-no-select" }));
      continue;
    }
    const rank = row.cells[0].textContent.trim();
    const box = createElement("input", {
      type: "checkbox", class: "ranking-select", "aria-label": `select the runs of rank ${rank}`,
      title: `runs ${row.dataset.runs.replaceAll(",", ", ")}`,
    });
    row.cells[0].prepend(box, " ");
  }
}

function selectRowRuns(box) {
  const runs = parseRunIds(box.closest("tr").dataset.runs);
  const selected = new Set(parseRunIds(readState().runs));
  for (const run of runs) {
    if (box.checked) selected.add(run);
    else selected.delete(run);
  }
  // Else the other rows would vanish with the first selected one.
  updateState({ runs: formatRunIds([...selected]), "ranking.show": "all" });
}

function markSelectedRows(container, state) {
  const selected = new Set(parseRunIds(state.runs));
  for (const box of container.querySelectorAll(".ranking-select")) {
    const runs = parseRunIds(box.closest("tr").dataset.runs);
    const count = runs.filter((run) => selected.has(run)).length;
    box.checked = count === runs.length;
    box.indeterminate = count > 0 && count < runs.length;
  }
}
