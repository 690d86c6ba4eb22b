// What belongs to one run: its findings, other runs of its trial, and commands.
import { createCommand } from "../shared/copy_button.js";
import { createElement } from "../shared/dom.js";
import { formatNumber } from "../shared/numbers.js";
import { runSection } from "./one_run_facts.js";

export function runFindings(data) {
  const items = data.findings.map((finding) =>
    createElement(
      "li",
      { class: `one-run-${finding.severity}` },
      createElement("a", { href: `#view=findings&runs=${data.run}&findings.code=${finding.code}` }, finding.code),
      ` ${finding.name}: ${finding.message}`,
      createElement("small", {}, ` (confidence ${formatNumber(finding.confidence, 2)})`),
      finding.remedy ? createElement("div", { class: "hint" }, `What to try: ${finding.remedy}.`) : null,
    ));
  return runSection("Findings", items.length ? createElement("ul", {}, items) : createElement("p", { class: "hint" }, "None."));
}

export function relatedRuns(data) {
  const others = data.related.filter((other) => other.run !== data.run);
  const links = others.map((other) =>
    createElement(
      "li",
      {},
      runLinkTo(other.run),
      ` seed ${other.seed ?? "unknown"}${other.repeat ? `, repeat ${other.repeat}` : ""}, ${other.status} `,
      createElement("a", { href: `#view=compare&compare.a=${data.run}&compare.b=${other.run}` }, "compare"),
    ));
  const { parent } = data.state;
  return runSection(
    "Related runs",
    parent === null ? null : createElement("p", {}, "Initial weights of ", runLinkTo(parent)),
    links.length ? createElement("ul", {}, links) : createElement("p", { class: "hint" }, "No other run of this trial."),
  );
}

function runLinkTo(run) {
  return createElement("a", { href: `#view=run&run.id=${run}` }, `run ${run}`);
}

export function runCommands(data) {
  const rows = data.commands.map(({ purpose, command }) =>
    createElement("div", {}, createElement("small", {}, purpose), createCommand(command)));
  return runSection("Commands", rows);
}
