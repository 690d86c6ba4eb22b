// The explanation of the filter of runs.
import { createElement } from "../shared/dom.js";

const ROWS = [
  ["opt=adam lr<0.01", "fields of the setting: = != < <= > >=; * is any text"],
  ["val/accuracy>0.9", "the best value of a metric"],
  ["last:train/loss<0.1", "its last value"],
  ["status:running", "queued, running, finished, interrupted, diverged or failed"],
  ["study:depth tag:old name:base*", "the study, a tag, the name"],
  ["run:12 trial:3 seed:0 origin:imported", "the number, the trial, the seed, who trained it"],
  ["NN101", "runs with a finding"],
  ["-tag:old", "runs that do not match"],
  ['adam "my study"', "a text in the name, the study or the setting"],
];

export function createFilterHelp() {
  const rows = ROWS.map(([example, meaning]) =>
    createElement("tr", {}, createElement("td", {}, createElement("code", {}, example)), createElement("td", {}, meaning)));
  return createElement(
    "details",
    { class: "runs-help" },
    createElement("summary", {}, "Help"),
    createElement("div", { class: "runs-menu" },
      createElement("p", {}, "All conditions must be met."),
      createElement("table", {}, createElement("tbody", {}, rows))),
  );
}
