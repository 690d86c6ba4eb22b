// The light or dark theme: that of the system until the reader chooses one.

const THEME_KEY = "nnlab-theme";

// Sets the theme that the reader chose before; a page from disk may have no storage.
export function applyStoredTheme() {
  try {
    const theme = localStorage.getItem(THEME_KEY);
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // The choice is not kept.
  }
}

export function createThemeButton() {
  const button = document.createElement("button");
  button.type = "button";
  button.id = "theme";
  button.title = "light or dark";
  button.setAttribute("aria-label", "switch between light and dark");
  button.textContent = "◐";
  button.addEventListener("click", () => {
    const root = document.documentElement;
    const isDark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = isDark ? "light" : "dark";
    try {
      localStorage.setItem(THEME_KEY, root.dataset.theme);
    } catch {
      // As above.
    }
  });
  return button;
}
