// The board: navigation between views, and updates of the current one.
import { createElement } from "../shared/dom.js";
import { applyStoredTheme, createThemeButton } from "../shared/theme.js";
import { canAct, createActionButtons } from "./actions.js";
import { fetchData } from "./data_source.js";
import { exportedSource, isExportedPage } from "./exported_data.js";
import { watchDatabase } from "./live.js";
import { onStateChange, parseRunIds, readState, updateState } from "./view_state.js";
import { curvesView } from "./views/curves.js";
import { findingsView } from "./views/findings.js";
import { oneRunView } from "./views/one_run.js";
import { queueView } from "./views/queue.js";
import { rankingView } from "./views/ranking.js";
import { runsView } from "./views/runs.js";
import { settingsView } from "./views/settings.js";
import { twoRunsView } from "./views/two_runs.js";

// View -> its title and `create(container)`, which returns `{ update(reason), destroy() }`.
// `update` is called with "state" after a change of the address and with "data" after one of the
// database; it returns a promise.
const VIEWS = {
  runs: runsView,
  curves: curvesView,
  ranking: rankingView,
  findings: findingsView,
  settings: settingsView,
  compare: twoRunsView,
  run: oneRunView,
  queue: queueView,
};

let currentName = null;
let currentView = null;
let isUpdating = false;
let pendingReason = null;
let connection = null;
let readAt = null;
let hasUpdateFailed = false;

function showCurrentView() {
  const name = readState().view in VIEWS ? readState().view : "runs";
  if (name !== currentName) {
    currentView?.destroy();
    const container = document.getElementById("view");
    container.replaceChildren();
    currentName = name;
    currentView = VIEWS[name].create(container);
    document.title = `${VIEWS[name].title} · nnlab`;
    for (const link of document.querySelectorAll("nav a")) {
      if (link.dataset.view === name) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }
  showHeader();
  updateView("state");
}

// Updates never overlap; what arrives in between leads to one more.
async function updateView(reason) {
  if (isUpdating) {
    pendingReason = pendingReason === "state" ? "state" : reason;
    return;
  }
  isUpdating = true;
  try {
    await currentView.update(reason);
    readAt = new Date();
    // Only its own message: the result of an action stays.
    if (hasUpdateFailed) showMessage("");
    hasUpdateFailed = false;
  } catch (error) {
    hasUpdateFailed = true;
    showMessage(error.message);
  } finally {
    isUpdating = false;
  }
  if (pendingReason) {
    const next = pendingReason;
    pendingReason = null;
    updateView(next);
  }
}

function showMessage(text) {
  const element = document.getElementById("message");
  if (element.textContent !== text) element.textContent = text;
}

// What the header shows of the state: the study, and the runs that are selected for all views.
function showHeader() {
  const { study = "", runs = "" } = readState();
  const selector = document.getElementById("study");
  if (study && ![...selector.options].some((option) => option.value === study)) {
    selector.append(createElement("option", { value: study }, study));
  }
  selector.value = study;
  const count = parseRunIds(runs).length;
  const selection = document.getElementById("selection");
  if (selection.dataset.runs === runs) return;
  selection.dataset.runs = runs;
  const clearRuns = () => updateState({ runs: "" });
  const clear = createElement("button", { type: "button", onclick: clearRuns }, "clear");
  const text = `${count === 1 ? "1 run" : `${count} runs`} selected `;
  const actions = canAct() ? createActionButtons(() => parseRunIds(readState().runs), showMessage) : [];
  selection.replaceChildren(...(count ? [text, clear, ...actions] : []));
}

async function loadStudies() {
  const { studies } = await fetchData("studies");
  document.getElementById("nothing-yet").hidden = studies.length > 0;
  const selector = document.getElementById("study");
  const names = ["", ...studies.map((study) => study.name)];
  const listed = [...selector.options].map((option) => option.value);
  if (names.join("\n") === listed.join("\n")) return;
  selector.replaceChildren(
    createElement("option", { value: "" }, "all"),
    ...studies.map(({ name }) => createElement("option", { value: name }, name)),
  );
  showHeader();
}

const CONNECTION_TEXTS = {
  live: "live",
  polling: "polling",
  paused: "paused",
  stopped: "no answer from the server",
};

function showConnection(state) {
  if (state === connection) return;
  connection = state;
  const time = readAt?.toLocaleTimeString() ?? "none";
  const element = document.getElementById("connection");
  element.textContent = CONNECTION_TEXTS[state] + (state === "stopped" ? `, data of ${time}` : "");
  element.dataset.state = state;
}

function removeTokenFromAddress() {
  if (new URLSearchParams(location.search).has("token")) {
    history.replaceState(null, "", location.pathname + location.hash);
  }
}

function start() {
  applyStoredTheme();
  removeTokenFromAddress();
  document.querySelector(".board-tools").append(createThemeButton());
  const navigation = document.querySelector("nav");
  for (const [name, view] of Object.entries(VIEWS)) {
    const link = createElement("a", { href: `#view=${name}`, "data-view": name }, view.title);
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      updateState({ view: name });
    });
    navigation.append(link);
  }
  const skip = document.querySelector(".board-skip");
  // The fragment of the address is the state, so the link must not change it.
  skip.addEventListener("click", (event) => {
    event.preventDefault();
    document.getElementById("view").focus();
  });
  document.getElementById("study").addEventListener("change", (event) => {
    updateState({ study: event.target.value, runs: "" });
  });
  onStateChange(showCurrentView);
  showCurrentView();
  const updateStudies = () => loadStudies().catch((error) => showMessage(error.message));
  updateStudies();
  if (isExportedPage()) {
    document.getElementById("connection").textContent = exportedSource();
    return;
  }
  watchDatabase({
    version: document.querySelector('meta[name="nnlab-version"]').content,
    onChange: () => {
      updateView("data");
      updateStudies();
    },
    onConnection: showConnection,
  });
}

start();
