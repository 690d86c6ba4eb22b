// Where the views get their data: from the server, or from the page itself if it was exported.
import { answerFromPage, isExportedPage } from "./exported_data.js";

// Data of `api/NAME` with parameters; the promise is rejected with an Error that has a message.
export async function fetchData(name, parameters = {}, { signal } = {}) {
  const given = Object.entries(parameters)
    .filter(([, value]) => value !== "" && value !== null && value !== undefined);
  if (isExportedPage()) return answerFromPage(name, Object.fromEntries(given));
  const response = await fetch(`api/${name}?${new URLSearchParams(given)}`, {
    signal,
    headers: { Accept: "application/json" },
  });
  const data = await response.json();
  if (!response.ok) throw new Error(data.error || `the server answered ${response.status}`);
  return data;
}
