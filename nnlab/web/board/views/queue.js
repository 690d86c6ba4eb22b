// The view "Queue": what waits, which workers train, whose leases have ended, and what failed.
import { createElement } from "../../shared/dom.js";
import { formatCount, formatDuration, formatNumber } from "../../shared/numbers.js";
import { fetchData } from "../data_source.js";
import { createStateLink, scopeParameters, setChildren } from "../view_parts.js";
import { readState, updateState } from "../view_state.js";

export const queueView = {
  title: "Queue",
  create(container) {
    return createQueueView(container);
  },
};

const CLOCK_MILLISECONDS = 1000;

function createQueueView(container) {
  const total = createElement("p", { class: "queue-total", role: "status" });
  const studies = createQueueTable(
    "Studies in progress",
    ["study", "waiting", "running", "interrupted", "finished", "failed", "diverged", "progress", "epochs/s", "time left"],
    "No run is waiting or running.",
  );
  const leases = createQueueTable(
    "Workers",
    ["run", "study", "seed", "host", "process", "device", "engine", "progress", "epochs/s", "running for", "lease ends in", ""],
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
  const clock = setInterval(() => showTimes(container, serverOffset), CLOCK_MILLISECONDS);

  return {
    async update(reason) {
      const state = readState();
      const scope = JSON.stringify(scopeParameters(state));
      if (reason === "data" || scope !== shownScope) {
        const answer = await fetchData("queue", scopeParameters(state));
        shownScope = scope;
        serverOffset = answer.at - Date.now() / 1000;
        total.textContent = totalText(answer.total);
        showStudies(studies, answer);
        showLeases(leases, answer);
        showEndedLeases(ended, answer);
        failures.update(answer.failures, answer.total);
        showTimes(container, serverOffset);
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
  const table = createElement(
    "table", {},
    createElement("caption", { class: "queue-caption" }, title),
    createElement("thead", {}, createElement("tr", {}, ...headings.map((text) => createElement("th", { scope: "col" }, text)))),
    body,
  );
  const scroll = createElement("div", { class: "scroll" }, table);
  const empty = createElement("p", { class: "hint" }, emptyText);
  const note = createElement("p", { class: "hint" });
  const rows = new Map();
  return {
    element: createElement("section", { class: "queue-section" }, createElement("h2", {}, title), scroll, empty, note),
    // Rows are `{ key, cells }`, where a cell is text, a node, or `{ text, number }`.
    update(entries, noteText = "") {
      scroll.hidden = !entries.length;
      empty.hidden = entries.length > 0;
      note.textContent = noteText;
      const kept = entries.map(({ key, content, createCells }) => {
        const shown = rows.get(key);
        if (shown?.dataset.content === content) return shown;
        const row = createElement("tr", { "data-content": content }, ...createCells().map(createCell));
        rows.set(key, row);
        return row;
      });
      setChildren(body, kept);
      const keys = new Set(entries.map((entry) => entry.key));
      for (const key of rows.keys()) if (!keys.has(key)) rows.delete(key);
    },
  };
}

function createCell(content) {
  if (content instanceof Node) return createElement("td", {}, content);
  const isNumber = typeof content === "number";
  return createElement("td", { class: isNumber ? "n" : null }, isNumber ? formatCount(content) : content);
}

function createNumberCell(text) {
  return createElement("span", { class: "queue-number" }, text);
}

function totalText(total) {
  const counts = ["queued", "running", "interrupted", "finished", "failed", "diverged"]
    .filter((status) => total[status])
    .map((status) => `${formatCount(total[status])} ${status}`);
  const parts = [`${formatCount(total.runs)} runs: ${counts.join(", ") || "none"}.`];
  if (total.stopped_waiting) parts.push(`${formatCount(total.stopped_waiting)} of the waiting runs were asked to stop.`);
  if (total.epochs_per_second > 0) {
    parts.push(`${formatNumber(total.epochs_per_second, 3)} epochs/s, about ${formatDuration(total.seconds_left)} left.`);
  }
  return parts.join(" ");
}

function showStudies(table, answer) {
  const entries = answer.studies.map((study) => ({
    key: study.study,
    content: JSON.stringify(study),
    createCells: () => [
      createStateLink(study.study, { study: study.study, runs: "", view: "runs" }),
      createWaitingCell(study), study.running, study.interrupted, study.finished, study.failed, study.diverged,
      createProgress(study.epochs, study.epochs_planned, "epoch"),
      createNumberCell(study.epochs_per_second > 0 ? formatNumber(study.epochs_per_second, 3) : ""),
      createNumberCell(study.seconds_left === null ? "" : formatDuration(study.seconds_left)),
    ],
  }));
  const more = answer.more_studies ? `${answer.more_studies} more studies are in progress.` : "";
  table.update(entries, more);
}

function createWaitingCell(study) {
  const stopped = study.stopped_waiting ? ` (${formatCount(study.stopped_waiting)} asked to stop)` : "";
  return createNumberCell(`${formatCount(study.queued)}${stopped}`);
}

function showLeases(table, answer) {
  const entries = answer.leases.map((lease) => ({
    key: lease.run,
    content: JSON.stringify(lease),
    createCells: () => [
      ...createLeaseCells(lease),
      createNumberCell(lease.epochs_per_second === null ? "" : formatNumber(lease.epochs_per_second, 3)),
      createSince(lease.started_at),
      createUntil(lease.lease_until),
      lease.stopping ? createElement("span", { class: "tag" }, "asked to stop") : "",
    ],
  }));
  table.update(entries, answer.more_leases ? "More workers are not shown." : "");
}

function showEndedLeases(table, answer) {
  const entries = answer.ended_leases.map((lease) => ({
    key: lease.run,
    content: JSON.stringify({ ...lease, epochs_per_second: 0 }),
    createCells: () => [
      ...createLeaseCells(lease),
      formatTime(lease.started_at),
      lease.lease_until === null || lease.lease_until > answer.at ? "process is gone" : formatTime(lease.lease_until),
    ],
  }));
  table.update(entries, entries.length ? "These runs count as interrupted; the next worker continues them." : "");
}

function createLeaseCells(lease) {
  return [
    createStateLink(String(lease.run), { view: "run", "run.id": lease.run }),
    lease.study, String(lease.seed ?? "unknown"), lease.host, createNumberCell(String(lease.pid)),
    lease.device ?? "loading data", lease.engine ?? "", createProgress(lease.epochs, lease.epochs_planned, lease.axis),
  ];
}

function createProgress(done, planned, axis) {
  if (!planned) return createNumberCell(`${formatCount(done)} ${axis}s`);
  const text = `${formatCount(done)} of ${formatCount(planned)}`;
  return createElement(
    "span", { class: "queue-progress" },
    createElement("progress", { max: planned, value: Math.min(done, planned), "aria-label": `${axis}s done` }), " ", text,
  );
}

// Times that go on between two updates; `showTimes` writes them.
function createSince(seconds) {
  return createElement("span", { class: "queue-number", "data-since": seconds });
}

function createUntil(seconds) {
  return createElement("span", { class: "queue-number", "data-until": seconds });
}

function showTimes(container, serverOffset) {
  const now = Date.now() / 1000 + serverOffset;
  for (const element of container.querySelectorAll("[data-since]")) {
    element.textContent = formatDuration(Math.max(now - Number(element.dataset.since), 0));
  }
  for (const element of container.querySelectorAll("[data-until]")) {
    const left = Number(element.dataset.until) - now;
    element.textContent = left > 0 ? formatDuration(left) : "ended";
  }
}

function formatTime(seconds) {
  return seconds === null ? "" : new Date(seconds * 1000).toLocaleString();
}

// The failed runs, newest first; which traceback is open is part of the address.
function createFailureList() {
  const list = createElement("div");
  const note = createElement("p", { class: "hint" });
  const items = new Map();
  let shown = "";
  return {
    element: createElement("section", { class: "queue-section" }, createElement("h2", {}, "Failures"), note, list),
    update(failures, total) {
      const count = total.failed + total.diverged;
      note.textContent = failureNote(failures.length, count);
      const elements = failures.map((failure) => {
        const content = JSON.stringify(failure);
        const item = items.get(failure.run);
        if (item?.dataset.content === content) return item;
        const created = createFailure(failure);
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

function createFailure(failure) {
  const trial = failure.trial ? `${failure.trial}, ` : "";
  const summary = createElement(
    "summary", {},
    createElement("b", {}, `Run ${failure.run}`), ` ${failure.status}: `,
    createElement("span", {}, failure.reason || "no reason recorded"), " ",
    createElement("small", {}, `${failure.study}, ${trial}seed ${failure.seed ?? "unknown"}, ${formatTime(failure.ended_at)}`),
  );
  const host = failure.host ? ` On ${failure.host}.` : "";
  const element = createElement(
    "details", { class: "queue-failure" }, summary,
    createElement("p", {}, createStateLink("Show the run", { view: "run", "run.id": failure.run }), host),
    failure.traceback
      ? createElement("pre", { tabindex: "0" }, failure.traceback)
      : createElement("p", { class: "hint" }, "No traceback was recorded."),
  );
  summary.addEventListener("click", () => {
    // The click comes before the element opens or closes.
    updateState({ "queue.failure": element.open ? "" : failure.run }, { replace: true });
  });
  return element;
}
