// HTML that the server made from the report's templates, reduced to what tables and text need.
//
// The templates escape every text already. This is the second line of defence: only the elements
// and attributes listed here are kept, so that no markup of a name in a database can act.

const ALLOWED_ELEMENTS = new Set([
  "a", "b", "br", "caption", "div", "em", "h2", "h3", "i", "li", "ol", "p", "section", "small", "span",
  "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
]);
// Elements whose text is no text for readers; of all others that are not allowed, the text is kept.
const DROPPED_ELEMENTS = new Set([
  "button", "embed", "form", "iframe", "input", "link", "math", "meta", "noscript", "object", "script",
  "select", "style", "svg", "template", "textarea", "title",
]);
const ALLOWED_ATTRIBUTES = new Set(["class", "colspan", "data-runs", "data-v", "rowspan", "scope", "title"]);
const CLASS_NAMES = /^[\w -]*$/;

// The nodes of an HTML text, cleaned and ready to be appended to this document.
export function parseFragment(html) {
  // A document made by DOMParser executes no scripts and loads nothing.
  const parsed = new DOMParser().parseFromString(html, "text/html");
  const fragment = document.createDocumentFragment();
  for (const node of [...parsed.body.childNodes]) fragment.append(...cleanNode(node));
  return fragment;
}

// What replaces a node: a copy without anything that is not allowed, its children, or nothing.
function cleanNode(node) {
  if (node.nodeType === Node.TEXT_NODE) return [document.createTextNode(node.data)];
  if (node.nodeType !== Node.ELEMENT_NODE) return [];
  const tag = node.localName;
  if (DROPPED_ELEMENTS.has(tag)) return [];
  const children = [...node.childNodes].flatMap(cleanNode);
  if (!ALLOWED_ELEMENTS.has(tag)) return children;
  const element = document.createElement(tag);
  for (const { name, value } of node.attributes) {
    if (isAllowedAttribute(tag, name, value)) element.setAttribute(name, value);
  }
  if (element.hasAttribute("href")) element.setAttribute("rel", "noreferrer");
  element.append(...children);
  return [element];
}

function isAllowedAttribute(tag, name, value) {
  if (name === "class") return CLASS_NAMES.test(value);
  if (name === "href") return tag === "a" && isSafeAddress(value);
  return ALLOWED_ATTRIBUTES.has(name);
}

// Places in this page, and web pages; no `javascript:` or `data:` address.
function isSafeAddress(address) {
  return address.startsWith("#") || address.startsWith("https://") || address.startsWith("http://");
}
