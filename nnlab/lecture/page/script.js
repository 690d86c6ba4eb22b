"use strict";
(() => {
  const root = document.documentElement;
  // A page opened from a file may have no storage; then the theme is that of the system.
  const stored = (act) => {
    try { return act(localStorage); } catch { return null; }
  };
  const theme = stored((storage) => storage.getItem("nnlab-theme"));
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;

  const button = document.getElementById("theme");
  button.hidden = false;
  button.addEventListener("click", () => {
    const isDark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = isDark ? "light" : "dark";
    stored((storage) => storage.setItem("nnlab-theme", root.dataset.theme));
  });

  for (const copy of document.querySelectorAll(".copy")) {
    if (!navigator.clipboard) continue;
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(copy.dataset.copy);
      copy.textContent = "Copied";
      setTimeout(() => { copy.textContent = "Copy"; }, 2000);
    });
  }

  // Paper has no buttons: results are opened for printing, solutions stay as the reader left them.
  const opened = [];
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details.reveal:not([open])")) {
      details.open = true;
      opened.push(details);
    }
  });
  addEventListener("afterprint", () => {
    for (const details of opened.splice(0)) details.open = false;
  });
})();
