// The page of `nnlab quiz -o`.
import { applyStoredTheme, createThemeButton } from "../shared/theme.js";
import { drawChartSlots, openLinkedDetails } from "./chart_slots.js";

applyStoredTheme();
document.querySelector("header").append(createThemeButton());
drawChartSlots();
openLinkedDetails();
// In print all answers are open.
addEventListener("beforeprint", () => {
  for (const answer of document.querySelectorAll(".answers details")) answer.open = true;
});
