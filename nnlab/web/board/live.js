// Tells the page when the database has changed.

// Calls `listener` after each change of the database.
export function onDatabaseChange(listener) {
  const events = new EventSource("api/events");
  events.addEventListener("change", () => listener());
}
