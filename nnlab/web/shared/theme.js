// The light and the dark theme: that of the system, or the one that was chosen with the button.
import { createElement } from "./dom.js";

const STORAGE_KEY = "nnlab-theme";
const themeListeners = new Set();

// Applies the theme that was chosen on an earlier visit.
export function applyStoredTheme() {
  const theme = readStoredTheme();
  if (theme) document.documentElement.dataset.theme = theme;
}

// A button that changes the theme and remembers it.
export function createThemeButton() {
  const button = createElement("button", {
    id: "theme",
    type: "button",
    "aria-label": "Change between light and dark",
    title: "Change between light and dark",
  }, "◐");
  button.addEventListener("click", () => {
    const theme = isDarkTheme() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    storeTheme(theme);
    notifyThemeListeners();
  });
  return button;
}

export function isDarkTheme() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

// Calls a function after each change of the theme; returns a function that ends this.
export function onThemeChange(listener) {
  themeListeners.add(listener);
  return () => themeListeners.delete(listener);
}

function notifyThemeListeners() {
  for (const listener of themeListeners) listener();
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", notifyThemeListeners);

// Paper is white: browsers print the light colours of the system, but not of a chosen dark theme.
let themeOnScreen = null;

addEventListener("beforeprint", () => {
  themeOnScreen = document.documentElement.dataset.theme ?? null;
  document.documentElement.dataset.theme = "light";
  notifyThemeListeners();
});

addEventListener("afterprint", () => {
  if (themeOnScreen === null) delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = themeOnScreen;
  notifyThemeListeners();
});

// A page that was opened as a file may have no storage.
function readStoredTheme() {
  try {
    return localStorage.getItem(STORAGE_KEY);
  } catch {
    return null;
  }
}

function storeTheme(theme) {
  try {
    localStorage.setItem(STORAGE_KEY, theme);
  } catch {
    // The theme then lasts until the page is closed.
  }
}
