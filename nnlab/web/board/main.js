// The board: navigation between views, and updates of the current one.
import { createElement } from "../shared/dom.js";
import { onDatabaseChange } from "./live.js";
import { onStateChange, readState, updateState } from "./view_state.js";
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
    showMessage("");
  } catch (error) {
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
  document.getElementById("message").textContent = text;
}

const navigation = document.querySelector("nav");
for (const [name, view] of Object.entries(VIEWS)) {
  const link = createElement("a", { href: `#view=${name}`, "data-view": name }, view.title);
  link.addEventListener("click", (event) => {
    event.preventDefault();
    updateState({ view: name });
  });
  navigation.append(link);
}
onStateChange(showCurrentView);
onDatabaseChange(() => updateView("data"));
showCurrentView();
