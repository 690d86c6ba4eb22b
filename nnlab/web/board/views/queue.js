// The view "Queue": what waits, which workers train, whose leases have ended, and what failed.
import { createElement } from "../../shared/dom.js";
import { formatCount, formatDuration, formatNumber, formatTime } from "../../shared/numbers.js";
import { fetchData } from "../data_source.js";
import { createStateLink, scopeParameters, setChildren } from "../view_parts.js";
import { readState, updateState } from "../view_state.js";

export const queueView = {
  title: "Queue",
  create(container) {
    return createQueueView(container);
  },
};

const QUEUE_CLOCK_MILLISECONDS = 1000;

function createQueueView(container) {
  const total = createElement("p", { class: "queue-total", role: "status" });
  const studies = createQueueTable(
    "Studies in progress",
    [
      "study", "waiting", "running", "interrupted", "finished", "failed", "diverged", "progress", "epochs/s",
      "time left",
    ],
    "No run is waiting or running.",
  );
  const leases = createQueueTable(
    "Workers",
    [
      "run", "study", "seed", "host", "process", "device", "engine", "progress", "epochs/s", "running for",
      "lease ends in", "note",
    ],
    "No worker is training.",
  );
  const ended = createQueueTable(
    "Ended leases",
    ["run", "study", "seed", "host", "process", "device", "engine", "progress", "started", "lease ended"],
    "No worker has left a run behind.",
  );
  const failures = createFailureList();
  container.append(total, studies.element, leases.element, ended.element, failures.element);

  let shownScope = null;
  // The clocks of the server and of this machine may differ.
  let serverOffset = 0;
  const clock = setInterval(() => showQueueTimes(container, serverOffset), QUEUE_CLOCK_MILLISECONDS);

  return {
    async update(reason) {
      const state = readState();
      const scope = JSON.stringify(scopeParameters(state));
      if (reason === "data" || scope !== shownScope) {
        const answer = await fetchData("queue", scopeParameters(state));
        shownScope = scope;
        serverOffset = answer.at - Date.now() / 1000;
        total.textContent = queueTotalText(answer.total);
        showQueuedStudies(studies, answer);
        showWorkerLeases(leases, answer);
        showEndedLeases(ended, answer);
        failures.update(answer.failures, answer.total);
        showQueueTimes(container, serverOffset);
      }
      failures.show(state["queue.failure"] || "");
    },
    destroy() {
      clearInterval(clock);
    },
  };
}

// A section with a table whose rows are kept by key: only what has changed is replaced.
function createQueueTable(title, headings, emptyText) {
  const body = createElement("tbody");
  const headingCells = headings.map((text) => createElement("th", { scope: "col" }, text));
  const table = createElement(
    "table", {},
    createElement("caption", { class: "offscreen" }, title),
    createElement("thead", {}, createElement("tr", {}, headingCells)),
    body,
  );
  const scroll = createElement("div", { class: "scroll" }, table);
  const empty = createElement("p", { class: "hint" }, emptyText);
  const note = createElement("p", { class: "hint" });
  const rows = new Map();
  return {
    element: createElement("section", {}, createElement("h2", {}, title), scroll, empty, note),
    // Entries are `{ key, cells }`; a cell is text, a number or a node.
    update(entries, noteText = "") {
      scroll.hidden = !entries.length;
      empty.hidden = entries.length > 0;
      note.textContent = noteText;
      setChildren(body, entries.map(({ key, cells }) => showQueueRow(rows, key, cells.map(createQueueCell))));
      const keys = new Set(entries.map((entry) => entry.key));
      for (const key of rows.keys()) if (!keys.has(key)) rows.delete(key);
    },
  };
}

// The row of a key; only cells that differ are replaced, so that a link keeps its focus.
function showQueueRow(rows, key, cells) {
  const row = rows.get(key);
  if (!row) {
    rows.set(key, createElement("tr", {}, ...cells));
    return rows.get(key);
  }
  cells.forEach((cell, index) => {
    if (!row.cells[index].isEqualNode(cell)) row.cells[index].replaceWith(cell);
  });
  return row;
}

function createQueueCell(content) {
  if (content instanceof Node) return createElement("td", {}, content);
  const isNumber = typeof content === "number";
  return createElement("td", { class: isNumber ? "n" : null }, isNumber ? formatCount(content) : content);
}

function createQueueNumber(text) {
  return createElement("span", { class: "queue-number" }, text);
}

function queueTotalText(total) {
  const counts = ["queued", "running", "interrupted", "finished", "failed", "diverged"]
    .filter((status) => total[status])
    .map((status) => `${formatCount(total[status])} ${status}`);
  const parts = [`${formatCount(total.runs)} runs: ${counts.join(", ") || "none"}.`];
  if (total.stopped_waiting) {
    parts.push(`${formatCount(total.stopped_waiting)} of the waiting runs asked to stop.`);
  }
  if (total.epochs_per_second > 0) {
    const speed = formatNumber(total.epochs_per_second, 3);
    parts.push(`${speed} epochs/s, about ${formatDuration(total.seconds_left)} left.`);
  }
  return parts.join(" ");
}

function showQueuedStudies(table, answer) {
  const entries = answer.studies.map((study) => ({
    key: study.study,
    cells: [
      createStateLink(study.study, { study: study.study, runs: "", view: "runs" }),
      createWaitingText(study), study.running, study.interrupted,
      study.finished, study.failed, study.diverged,
      createQueueProgress(study.epochs, study.epochs_planned, "epoch"),
      createQueueNumber(study.epochs_per_second > 0 ? formatNumber(study.epochs_per_second, 3) : ""),
      createQueueNumber(study.seconds_left === null ? "" : formatDuration(study.seconds_left)),
    ],
  }));
  const more = answer.more_studies ? `${answer.more_studies} more studies are in progress.` : "";
  table.update(entries, more);
}

function createWaitingText(study) {
  const stopped = study.stopped_waiting ? ` (${formatCount(study.stopped_waiting)} asked to stop)` : "";
  return createQueueNumber(`${formatCount(study.queued)}${stopped}`);
}

function showWorkerLeases(table, answer) {
  const entries = answer.leases.map((lease) => ({
    key: lease.run,
    cells: [
      ...createLeaseCells(lease),
      createQueueNumber(lease.epochs_per_second === null ? "" : formatNumber(lease.epochs_per_second, 3)),
      createTimeSince(lease.started_at),
      createTimeUntil(lease.lease_until),
      lease.stopping ? createElement("span", { class: "tag" }, "asked to stop") : "",
    ],
  }));
  table.update(entries, answer.more_leases ? "More workers are not shown." : "");
}

function showEndedLeases(table, answer) {
  const entries = answer.ended_leases.map((lease) => ({
    key: lease.run,
    cells: [
      ...createLeaseCells(lease),
      formatTime(lease.started_at),
      // On this machine a dead process is noticed before its lease ends.
      lease.lease_until > answer.at ? "process is gone" : formatTime(lease.lease_until ?? lease.started_at),
    ],
  }));
  const note = "These runs count as interrupted; the next worker continues them.";
  table.update(entries, entries.length ? note : "");
}

function createLeaseCells(lease) {
  return [
    createStateLink(String(lease.run), { view: "run", "run.id": lease.run }),
    lease.study, String(lease.seed ?? "unknown"), lease.host, createQueueNumber(String(lease.pid)),
    lease.device ?? "loading data", lease.engine ?? "",
    createQueueProgress(lease.epochs, lease.epochs_planned, lease.axis),
  ];
}

function createQueueProgress(done, planned, axis) {
  if (!planned) return createQueueNumber(`${formatCount(done)} ${axis}s`);
  const text = `${formatCount(done)} of ${formatCount(planned)}`;
  return createElement(
    "span", { class: "queue-progress" },
    createElement("progress", { max: planned, value: Math.min(done, planned), "aria-label": `${axis}s` }),
    ` ${text}`,
  );
}

// Times that go on between two updates; `showQueueTimes` writes them.
function createTimeSince(seconds) {
  return createElement("span", { class: "queue-number", "data-since": seconds });
}

function createTimeUntil(seconds) {
  return createElement("span", { class: "queue-number", "data-until": seconds });
}

function showQueueTimes(container, serverOffset) {
  const now = Date.now() / 1000 + serverOffset;
  for (const element of container.querySelectorAll("[data-since]")) {
    element.textContent = formatDuration(Math.max(now - Number(element.dataset.since), 0));
  }
  for (const element of container.querySelectorAll("[data-until]")) {
    const left = Number(element.dataset.until) - now;
    element.textContent = left > 0 ? formatDuration(left) : "ended";
  }
}

// The failed runs, newest first; which traceback is open is part of the address.
function createFailureList() {
  const list = createElement("div");
  const note = createElement("p", { class: "hint" });
  const items = new Map();
  let shown = "";
  return {
    element: createElement("section", {}, createElement("h2", {}, "Failures"), note, list),
    update(failures, total) {
      const count = total.failed + total.diverged;
      note.textContent = failureNote(failures.length, count);
      const elements = failures.map((failure) => {
        const content = JSON.stringify(failure);
        const item = items.get(failure.run);
        if (item?.dataset.content === content) return item;
        const created = createFailureItem(failure);
        created.dataset.content = content;
        created.open = item?.open ?? false;
        items.set(failure.run, created);
        return created;
      });
      setChildren(list, elements);
    },
    show(run) {
      if (run === shown) return;
      shown = run;
      const item = items.get(Number(run));
      if (!item) return;
      item.open = true;
      item.scrollIntoView({ block: "nearest" });
    },
  };
}

function failureNote(shown, count) {
  if (!count) return "No run has failed or diverged.";
  return shown < count ? `The newest ${shown} of ${formatCount(count)} runs that failed or diverged.` : "";
}

function createFailureItem(failure) {
  const seed = `seed ${failure.seed ?? "unknown"}`;
  const time = failure.ended_at === null ? "" : formatTime(failure.ended_at);
  const summary = createElement(
    "summary", {},
    createElement("b", {}, `Run ${failure.run}`), ` ${failure.status}: `,
    createElement("span", {}, failure.reason || "no reason recorded"), " ",
    createElement("small", {}, [failure.study, failure.trial, seed, time].filter(Boolean).join(", ")),
  );
  const host = failure.host ? ` On ${failure.host}.` : "";
  const element = createElement(
    "details", { class: "queue-failure" }, summary,
    createElement("p", {}, createStateLink("Show the run", { view: "run", "run.id": failure.run }), host),
    failure.traceback
      ? createElement("pre", { tabindex: "0" }, failure.traceback)
      : createElement("p", { class: "hint" }, "No traceback was recorded."),
  );
  element.addEventListener("toggle", () => {
    const run = String(failure.run);
    const isNamed = readState()["queue.failure"] === run;
    if (element.open === isNamed) return;
    updateState({ "queue.failure": element.open ? run : "" }, { replace: true });
  });
  return element;
}
