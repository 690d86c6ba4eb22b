// Tells the page when the database has changed: by server-sent events, or by polling where a proxy
// blocks them.

const SILENCE_MILLISECONDS = 40_000; // the server sends a heartbeat every 15 s
const OPENING_MILLISECONDS = 5_000;
const SHORTEST_INTERVAL = 500; // two updates a second
const FIRST_POLL_MILLISECONDS = 2_000;
const LONGEST_POLL_MILLISECONDS = 30_000;

// Calls `onChange()` after each change of the database, at most twice a second and not while the
// page is hidden; a page that becomes visible catches up. `version` is that of the database before
// the page read anything. Calls `onConnection(state)` with "live",
// "polling", "paused" or "stopped" (the server does not answer).
export function watchDatabase({ version, onChange, onConnection }) {
  let events = null;
  let eventsArrive = false;
  let watchdog = null;
  let pollTimer = null;
  let pollDelay = FIRST_POLL_MILLISECONDS;
  let lastVersion = version;
  let reportedAt = 0;
  let reportTimer = null;

  function receiveVersion(newVersion) {
    if (newVersion === lastVersion) return;
    lastVersion = newVersion;
    if (reportTimer !== null) return;
    const wait = Math.max(0, reportedAt + SHORTEST_INTERVAL - Date.now());
    reportTimer = setTimeout(() => {
      reportTimer = null;
      reportedAt = Date.now();
      onChange();
    }, wait);
  }

  function expectEvent(milliseconds) {
    clearTimeout(watchdog);
    watchdog = setTimeout(startPolling, milliseconds);
  }

  function startEvents() {
    stop();
    eventsArrive = false;
    events = new EventSource("api/events");
    expectEvent(OPENING_MILLISECONDS);
    events.addEventListener("change", (event) => {
      eventsArrive = true;
      onConnection("live");
      expectEvent(SILENCE_MILLISECONDS);
      receiveVersion(event.data);
    });
    events.addEventListener("heartbeat", () => expectEvent(SILENCE_MILLISECONDS));
    events.addEventListener("error", startPolling);
  }

  function startPolling() {
    stop();
    pollDelay = FIRST_POLL_MILLISECONDS;
    poll();
  }

  async function poll() {
    pollTimer = null;
    let delay = pollDelay;
    try {
      const response = await fetch("api/version", { headers: { Accept: "application/json" } });
      if (!response.ok) throw new Error(`the server answered ${response.status}`);
      receiveVersion((await response.json()).version);
      onConnection("polling");
      // They arrived before, so the server was only interrupted.
      if (eventsArrive) {
        startEvents();
        return;
      }
      pollDelay = FIRST_POLL_MILLISECONDS;
      delay = pollDelay;
    } catch {
      onConnection("stopped");
      pollDelay = Math.min(2 * pollDelay, LONGEST_POLL_MILLISECONDS);
    }
    if (events === null && !document.hidden) pollTimer = setTimeout(poll, delay);
  }

  function stop() {
    events?.close();
    events = null;
    clearTimeout(watchdog);
    clearTimeout(pollTimer);
    pollTimer = null;
  }

  function followVisibility() {
    if (document.hidden) {
      stop();
      onConnection("paused");
    } else {
      startEvents();
    }
  }

  document.addEventListener("visibilitychange", followVisibility);
  followVisibility();
}
