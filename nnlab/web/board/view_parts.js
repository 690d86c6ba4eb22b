// Small parts that several views of the board have in common.
import { createElement } from "../shared/dom.js";
import { readState, updateState } from "./view_state.js";

// The parameters that say which runs a view shows.
export function scopeParameters(state) {
  return { study: state.runs ? "" : state.study, runs: state.runs };
}

// A link to another view that keeps the study and the selection; `changes` are keys of the state.
export function createStateLink(text, changes) {
  const link = createElement("a", { href: `#${new URLSearchParams(changes)}` }, text);
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    updateState(changes);
  });
  // So that the link opens the same in a new tab.
  link.addEventListener("pointerdown", () => {
    const state = Object.entries({ ...readState(), ...changes }).filter(([, value]) => value);
    link.setAttribute("href", `#${new URLSearchParams(state)}`);
  });
  return link;
}

// Links inside an element that lead to places of this page become changes of the state.
export function followStateLinks(element) {
  element.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (!link || !element.contains(link) || event.defaultPrevented) return;
    event.preventDefault();
    updateState(Object.fromEntries(new URLSearchParams(link.getAttribute("href").slice(1))));
  });
}

// Replaces the children of an element by others, and keeps those that are already in place.
export function setChildren(element, children) {
  children.forEach((child, index) => {
    if (element.childNodes[index] !== child) element.insertBefore(child, element.childNodes[index] ?? null);
  });
  while (element.childNodes.length > children.length) element.lastChild.remove();
}
