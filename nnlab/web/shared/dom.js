// Elements whose contents are text or other elements, never HTML.

const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

// An element with attributes and children. Strings and numbers become text; null and false are left
// out. A function under a name such as `onclick` becomes a listener; `true` is an empty attribute.
export function createElement(tag, attributes = {}, ...children) {
  return fillElement(document.createElement(tag), attributes, children);
}

export function createSvgElement(tag, attributes = {}, ...children) {
  return fillElement(document.createElementNS(SVG_NAMESPACE, tag), attributes, children);
}

function fillElement(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}
