// Figures as SVG files.
import { createElement } from "./dom.js";

const COPIED_PROPERTIES = [
  "fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity", "opacity",
  "font-size", "font-weight", "font-family", "text-anchor", "dominant-baseline", "display",
];

// The text of an SVG element of the page as a file of its own, with the colours that it has now.
export function svgFileText(svg) {
  const copy = svg.cloneNode(true);
  const originals = [svg, ...svg.querySelectorAll("*")];
  const copies = [copy, ...copy.querySelectorAll("*")];
  originals.forEach((original, i) => {
    const style = getComputedStyle(original);
    for (const property of COPIED_PROPERTIES) {
      const value = style.getPropertyValue(property);
      if (value) copies[i].setAttribute(property, value);
    }
    copies[i].removeAttribute("class");
    copies[i].removeAttribute("tabindex");
  });
  const box = svg.getBoundingClientRect();
  if (!copy.hasAttribute("viewBox")) copy.setAttribute("viewBox", `0 0 ${box.width} ${box.height}`);
  copy.setAttribute("width", Math.round(box.width) || 600);
  copy.setAttribute("height", Math.round(box.height) || 300);
  return new XMLSerializer().serializeToString(copy);
}

// Gives a text to the user as a file.
export function downloadText(fileName, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = createElement("a", { href: url, download: fileName });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}
