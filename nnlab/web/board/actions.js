// Stopping and tagging runs; only for a board with --allow-actions and the private token.
import { createElement } from "../shared/dom.js";

export function canAct() {
  return document.querySelector('meta[name="nnlab-actions"]')?.content === "yes";
}

// Executes the action `stop` or `tag`; the promise is rejected with an Error that has a message.
export async function postAction(name, body) {
  const response = await fetch(`api/actions/${name}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const data = await response.json();
  if (!response.ok) throw new Error(data.error || `the server answered ${response.status}`);
  return data;
}

// Buttons that act on the runs of `getRunIds()`; `report(text)` shows the result.
export function createActionButtons(getRunIds, report) {
  async function act(name, body, describe) {
    try {
      report(describe(await postAction(name, { runs: getRunIds(), ...body })));
    } catch (error) {
      report(error.message);
    }
  }
  function stopRuns() {
    const count = getRunIds().length;
    if (!confirm(`Stop ${count === 1 ? "1 run" : `${count} runs`} after the current epoch?`)) return;
    act("stop", {}, (result) => {
      const { ending, waiting, already_ended: ended } = result;
      return `${ending.length} ending, ${waiting.length} held back, ${ended.length} ended already`;
    });
  }
  function tagRuns() {
    const text = prompt("Tag to add; a - before it removes it");
    const tag = text?.trim();
    if (!tag) return;
    const body = tag.startsWith("-") ? { remove: [tag.slice(1)] } : { add: [tag] };
    act("tag", body, ({ changed }) => `${changed} tagged`);
  }
  return [
    createElement("button", { type: "button", onclick: stopRuns }, "stop"),
    createElement("button", { type: "button", onclick: tagRuns }, "tag"),
  ];
}
