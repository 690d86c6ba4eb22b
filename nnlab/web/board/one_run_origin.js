// Where a run was executed, and the files that it wrote.
import { createElement } from "../shared/dom.js";
import { createCommand } from "../shared/copy_button.js";
import { formatNumber, formatTime } from "../shared/numbers.js";
import { definitionList, runSection } from "./one_run_facts.js";

const MAX_IMAGES = 400;

export function attemptSection(data) {
  const attempts = data.attempts.map((attempt) => {
    const outcome = attempt.outcome ?? "running";
    const memory = attempt.peak_bytes === null ? "" : `, ${formatNumber(attempt.peak_bytes / 2 ** 20, 3)} MiB`;
    const place = `${attempt.hostname}, process ${attempt.pid}, ${attempt.engine ?? "unknown engine"}${memory}`;
    return createElement(
      "li",
      {},
      `${formatTime(attempt.started)}: ${outcome} from ${data.state.axis} ${attempt.first_epoch} (${place})`,
      createCommand(attempt.command),
      attempt.traceback
        ? createElement("details", { open: true }, createElement("summary", {}, "Traceback"), createElement("pre", {}, attempt.traceback))
        : null,
    );
  });
  return runSection("Attempts", attempts.length ? createElement("ol", {}, attempts) : "Not started.");
}

export function environmentSection(data) {
  const { environment } = data;
  if (environment === null) return runSection("Environment", createElement("p", { class: "hint" }, "Not recorded."));
  const commit = environment.git_commit
    ? `${environment.git_commit.slice(0, 12)}${environment.git_dirty ? " with uncommitted changes" : ""}`
    : "none";
  const packages = Object.entries(environment.packages);
  return runSection(
    "Environment",
    definitionList([
      ["Host", environment.hostname],
      ["Device", `${environment.device}, ${environment.threads} threads`],
      ["Versions", `nnlab ${environment.nnlab}, torch ${environment.torch}, Python ${environment.python}`],
      ["Platform", environment.platform],
      ["Commit", commit],
    ]),
    environment.git_diff ? differenceDetails(environment) : null,
    createElement(
      "details",
      {},
      createElement("summary", {}, `${packages.length} packages`),
      definitionList(packages),
    ),
  );
}

function differenceDetails(environment) {
  const omitted = environment.git_diff_omitted;
  return createElement(
    "details",
    {},
    createElement("summary", {}, "Uncommitted changes"),
    createElement("pre", {}, environment.git_diff),
    omitted ? createElement("p", { class: "hint" }, `${omitted} more characters`) : null,
  );
}

export function fileSection(data) {
  const images = data.files.filter((file) => file.is_image && file.address);
  const files = data.files.map((file) =>
    createElement(
      "li",
      {},
      file.address ? createElement("a", { href: file.address, download: true }, file.kind) : file.kind,
      createElement("small", {}, ` ${file.path}, ${formatNumber(file.bytes / 1024, 3)} KiB`),
    ));
  return runSection(
    "Files",
    imageViewers(images.slice(0, MAX_IMAGES)),
    images.length > MAX_IMAGES ? createElement("p", { class: "hint" }, `the first ${MAX_IMAGES} of ${images.length} images`) : null,
    files.length
      ? createElement("details", { open: files.length <= 12 }, createElement("summary", {}, `${files.length} files`), createElement("ul", {}, files))
      : createElement("p", { class: "hint" }, "None."),
  );
}

// Images of one name that were logged at several steps share a frame with a slider.
function imageViewers(images) {
  const series = new Map();
  for (const image of images) {
    const match = /^(media\/.*)\/(\d+|none)$/.exec(image.kind);
    const name = match ? match[1] : image.kind;
    const step = match ? match[2] : "";
    series.set(name, [...(series.get(name) || []), { ...image, step }]);
  }
  return createElement("div", { class: "one-run-images" }, [...series].map(([name, frames]) => imageViewer(name, frames)));
}

function imageViewer(name, frames) {
  frames.sort((a, b) => Number(a.step) - Number(b.step));
  const picture = createElement("img", { loading: "lazy" });
  const label = createElement("figcaption");
  const slider = createElement("input", {
    type: "range", min: "0", max: String(frames.length - 1), value: String(frames.length - 1), "aria-label": `step of ${name}`,
  });
  const show = () => {
    const frame = frames[Number(slider.value)];
    const text = `${name}${frame.step ? `, step ${frame.step}` : ""}`;
    picture.src = frame.address;
    picture.alt = text;
    label.textContent = text;
  };
  slider.addEventListener("input", show);
  show();
  return createElement("figure", {}, picture, label, frames.length > 1 ? slider : null);
}
