"use strict";
(() => {
  // Light or dark: the reader's system first, then the button.
  document.getElementById("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  const SECONDS = 8;
  const data = JSON.parse(document.getElementById("data").textContent);

  document.querySelectorAll("section").forEach((section) => {
    const { last, paths } = data[Number(section.dataset.index)];
    const slider = section.querySelector("input");
    const output = section.querySelector("output");
    const play = section.querySelector(".play");
    const all = (kind, rank) => section.querySelectorAll(`${kind}[data-rank="${rank}"]`);

    const moveTo = (mark, place) => {
      mark.setAttribute("x", place[0]);
      mark.setAttribute("y", place[1]);
    };

    // The slider is quadratic: second-order optimizers need few gradients, so these get more room.
    const show = () => {
      const count = Math.round(last * (slider.value / 1000) ** 2);
      output.textContent = count.toLocaleString("en");
      slider.setAttribute("aria-valuetext", `${count} gradient evaluations`);
      paths.forEach((path, rank) => {
        let shown = path.gradients.findIndex((gradients) => gradients > count);
        if (shown < 0) shown = path.gradients.length;
        const end = shown - 1;
        all("g.path", rank)[0].firstElementChild.setAttribute(
          "points", path.places.slice(0, shown).join(" "));
        all("g.loss", rank)[0].firstElementChild.setAttribute(
          "points", path.losses.slice(0, shown).join(" "));
        moveTo(all("use.end", rank)[0], path.places[end]);
        moveTo(all("use.loss-end", rank)[0], path.losses[end]);
        section.querySelector(`.legend button[data-rank="${rank}"] .value`).textContent =
          path.values[end];
      });
    };

    let started = null;
    const stop = () => {
      started = null;
      play.textContent = "▶";
      play.setAttribute("aria-label", "play");
    };
    const advance = (now, from) => {
      if (started === null) return;
      const position = from + ((now - started) / (1000 * SECONDS)) * 1000;
      slider.value = Math.min(position, 1000);
      show();
      if (position >= 1000) stop();
      else requestAnimationFrame((next) => advance(next, from));
    };
    play.addEventListener("click", () => {
      if (started !== null) {
        stop();
        return;
      }
      const from = Number(slider.value) >= 1000 ? 0 : Number(slider.value);
      started = performance.now();
      play.textContent = "❚❚";
      play.setAttribute("aria-label", "pause");
      requestAnimationFrame((now) => advance(now, from));
    });
    slider.addEventListener("input", () => {
      stop();
      show();
    });

    section.querySelectorAll(".legend button").forEach((button) => {
      button.addEventListener("click", () => {
        const visible = button.getAttribute("aria-pressed") !== "true";
        button.setAttribute("aria-pressed", String(visible));
        section.querySelectorAll(`.charts [data-rank="${button.dataset.rank}"]`).forEach((part) => {
          part.classList.toggle("hidden", !visible);
        });
      });
    });
  });
})();
