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
  // A link to an answer opens it, and in print all answers are open.
  const open = () => {
    const target = location.hash && document.querySelector(location.hash);
    if (target && target.tagName === "DETAILS") target.open = true;
  };
  addEventListener("hashchange", open);
  open();
  addEventListener("beforeprint", () => {
    document.querySelectorAll("details").forEach((answer) => { answer.open = true; });
  });
})();
