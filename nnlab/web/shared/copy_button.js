// A button that copies a text, such as a command.
import { createElement } from "./dom.js";

// `text` is a string or a function that returns one.
export function createCopyButton(text, label = "Copy") {
  const button = createElement("button", { type: "button", class: "copy" }, label);
  button.addEventListener("click", async () => {
    const isCopied = await copyText(typeof text === "function" ? text() : text);
    button.textContent = isCopied ? "Copied" : "Not copied";
    setTimeout(() => {
      button.textContent = label;
    }, 1500);
  });
  return button;
}

// A command on its own line with a button that copies it.
export function createCommand(text) {
  return createElement(
    "div",
    { class: "command" },
    createElement("code", {}, text),
    createCopyButton(text, "Copy command"),
  );
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Browsers offer the clipboard only on pages from this machine or over HTTPS.
    return copyWithSelection(text);
  }
}

function copyWithSelection(text) {
  const area = createElement("textarea", { class: "offscreen", "aria-hidden": "true" });
  area.value = text;
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  return isCopied;
}
