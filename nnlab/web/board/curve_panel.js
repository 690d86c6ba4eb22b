// A panel of the view "Curves": the lines of a metric, or of a quantity in all splits.
import { createLineChart } from "../shared/chart.js";
import { createElement } from "../shared/dom.js";
import { createPanel } from "../shared/panel.js";

// Until a panel is scrolled into view it is an empty box of the height of a chart.
export function createCurvePanel(panel, { onVisible, onZoom, onResetZoom, onCursor }) {
  const element = createElement("div", { class: "curves-panel", "data-panel": panel.key });
  const observer = new IntersectionObserver(
    (entries) => {
      isVisible = entries.at(-1).isIntersecting;
      if (isVisible) onVisible();
    },
    { rootMargin: "300px 0px" },
  );
  let isVisible = false;
  let frame = null;
  let chart = null;
  let spec = null;
  observer.observe(element);

  function draw() {
    if (frame === null) {
      frame = createPanel({
        title: panel.title,
        command: "",
        fileName: panel.title.replace(/[^\w.-]+/g, "-"),
        toSvg: () => chart.toSvg(),
        toTable: () => curvesTable(spec),
      });
      element.replaceChildren(frame.element);
      chart = createLineChart(frame.body, spec);
    } else {
      chart.update(spec);
    }
  }

  return {
    element,
    panel,
    isVisible: () => isVisible,
    width: () => Math.round(element.clientWidth),
    show(newSpec, { note, command, highlight }) {
      spec = { ...newSpec, onZoom, onResetZoom, onCursor };
      draw();
      frame.setNote(note);
      frame.setCommand(command);
      chart.setHighlight(highlight);
    },
    setCursor(x) {
      chart?.setCursor(x);
    },
    destroy() {
      observer.disconnect();
      chart?.destroy();
      element.remove();
    },
  };
}

// The values of the lines of a chart, a row per x value.
function curvesTable(spec) {
  const rows = new Map();
  spec.lines.forEach((line, index) => {
    line.x.forEach((x, place) => {
      if (!rows.has(x)) rows.set(x, [x, ...spec.lines.map(() => null)]);
      rows.get(x)[index + 1] = line.y[place];
    });
  });
  return {
    columns: [spec.xLabel, ...spec.lines.map((line) => line.label)],
    rows: [...rows.values()].sort((a, b) => a[0] - b[0]),
  };
}
