// Horizontal bars of shares from 0 to 1, with intervals.
import { createElement, createSvgElement } from "./dom.js";
import { shortened } from "./parallel.js";

const BAR_LEFT = 150;
const BAR_LENGTH = 360;
const BAR_ROW = 26;

// `spec` is { title, bars }; a bar is { label, share, low, high, secondary }. `low` and `high` are null
// if there is no interval.
export function createBars(container, spec) {
  const svg = createSvgElement("svg", { role: "img", class: "bars" });
  const scroller = createElement("div", { class: "scroll", tabindex: 0, role: "region" }, svg);
  container.append(scroller);
  let drawn = "";

  function update(newSpec) {
    const text = JSON.stringify(newSpec);
    if (text === drawn) return;
    drawn = text;
    const [width, height] = [BAR_LEFT + BAR_LENGTH + 70, newSpec.bars.length * BAR_ROW + 10];
    for (const [name, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}` })) {
      svg.setAttribute(name, value);
    }
    svg.setAttribute("aria-label", newSpec.title);
    scroller.setAttribute("aria-label", newSpec.title);
    const longest = Math.max(0.1, ...newSpec.bars.map((bar) => Math.max(bar.share, bar.high ?? 0)));
    svg.replaceChildren(...newSpec.bars.map((bar, row) => drawBar(bar, row, BAR_LENGTH / longest)));
  }

  update(spec);
  return { update, svg, destroy: () => scroller.remove() };
}

function drawBar(bar, row, scale) {
  const middle = row * BAR_ROW + BAR_ROW / 2 + 4;
  const end = BAR_LEFT + scale * Math.max(bar.share, bar.high ?? 0);
  const group = createSvgElement(
    "g", {},
    createSvgElement("title", {}, bar.label),
    createSvgElement("text", { x: BAR_LEFT - 8, y: middle + 4, class: "bars-label" }, shortened(bar.label, 21)),
    createSvgElement("rect", {
      x: BAR_LEFT, y: middle - 7, width: Math.max(1, scale * bar.share), height: 14,
      class: bar.secondary ? "bars-bar is-secondary" : "bars-bar",
    }),
    createSvgElement("text", { x: end + 8, y: middle + 4, class: "bars-value" }, `${(100 * bar.share).toFixed(1)} %`),
  );
  if (bar.low !== null && bar.high !== null) {
    group.append(createSvgElement("path", {
      d: `M${BAR_LEFT + scale * bar.low},${middle}H${BAR_LEFT + scale * bar.high}`, class: "bars-interval",
    }));
  }
  return group;
}
