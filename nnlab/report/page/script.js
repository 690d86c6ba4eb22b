"use strict";
(() => {
  const each = (selector, act, root = document) => root.querySelectorAll(selector).forEach(act);

  // Light or dark: the reader's system first, then the button.
  document.getElementById("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  // A table sorts by the column that is clicked; what has no number comes last.
  const key = (cell) => (cell.dataset.v !== undefined ? Number(cell.dataset.v) : cell.textContent);
  const compare = (a, b, sign) => {
    if (typeof a === "number" && typeof b === "number") {
      if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
      return sign * (a - b);
    }
    if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
    return sign * a.localeCompare(b, undefined, { numeric: true });
  };
  each("table.sortable", (table) => {
    each("thead th", (head) => {
      const sort = () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        each("thead th", (other) => other.removeAttribute("aria-sort"), table);
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const rows = [...table.tBodies[0].rows];
        const at = head.cellIndex;
        rows.sort((a, b) => compare(key(a.cells[at]), key(b.cells[at]), up ? 1 : -1));
        table.tBodies[0].append(...rows);
      };
      head.tabIndex = 0;
      head.addEventListener("click", sort);
      head.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") { event.preventDefault(); sort(); }
      });
    }, table);
  });

  // A row stays while it holds every word of the filter.
  each("input.filter", (input) => {
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      each("tbody tr", (row) => {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
      }, document.getElementById(input.dataset.table));
    });
  });

  // A click on a name hides its curves, one more brings them back.
  each(".legend button", (button) => {
    const lines = `.trial[data-trial="${button.dataset.trial}"]`;
    const section = button.closest("section");
    button.addEventListener("click", () => {
      const shown = button.getAttribute("aria-pressed") === "true";
      button.setAttribute("aria-pressed", String(!shown));
      each(lines, (line) => line.classList.toggle("off", shown), section);
    });
    const light = (lit) => each(lines, (line) => line.classList.toggle("lit", lit), section);
    button.addEventListener("mouseenter", () => light(true));
    button.addEventListener("mouseleave", () => light(false));
  });

  // The curve that is nearest to the pointer says its numbers.
  const tip = document.getElementById("tip");
  const pixels = (group) => {
    const found = [];
    each("polyline", (line) => {
      for (const point of line.points) found.push([point.x, point.y]);
    }, group);
    return found;
  };
  each("svg.chart", (svg) => {
    const cursor = svg.querySelector(".cursor");
    const across = cursor.querySelector("line");
    const groups = [...svg.querySelectorAll(".trial[data-label]")].map((group) => {
      const values = group.dataset.values.split(",").map(Number);
      const epochs = group.dataset.epochs.split(",");
      const finite = epochs.map((epoch, i) => [epoch, values[i]]).filter((one) => isFinite(one[1]));
      return { group, finite, places: pixels(group) };
    });
    svg.addEventListener("pointermove", (event) => {
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(
        svg.getScreenCTM().inverse());
      let best = null;
      for (const { group, finite, places } of groups) {
        if (group.classList.contains("off")) continue;
        places.forEach(([x, y], i) => {
          const far = Math.hypot(x - at.x, (y - at.y) * 0.7);
          if (!best || far < best.far) best = { far, group, x, told: finite[i] };
        });
      }
      if (!best || best.far > 40 || !best.told) {
        tip.hidden = true;
        cursor.setAttribute("hidden", "");
        return;
      }
      across.setAttribute("x1", best.x);
      across.setAttribute("x2", best.x);
      cursor.removeAttribute("hidden");
      const split = { train: "training", val: "validation" }[best.group.dataset.split];
      tip.textContent = `${best.group.dataset.label}: ${best.group.dataset.axis} ${best.told[0]}, ${split} ${best.told[1]}`;
      tip.hidden = false;
      const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
      tip.style.left = `${Math.max(8, Math.min(event.clientX + 14, room))}px`;
      tip.style.top = `${event.clientY + 16}px`;
    });
    svg.addEventListener("pointerleave", () => {
      tip.hidden = true;
      cursor.setAttribute("hidden", "");
    });
  });

  // A link to a finding opens it.
  const open = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (target && target.tagName === "DETAILS") target.open = true;
  };
  addEventListener("hashchange", open);
  open();
})();
