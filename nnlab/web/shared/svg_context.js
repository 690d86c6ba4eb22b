// A drawing context that writes SVG: the part of CanvasRenderingContext2D that charts use.

export class SvgContext {
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.parts = [];
    this.path = "";
    this.dash = [];
    this.clips = 0;
    this.openGroups = [];
    Object.assign(this, {
      strokeStyle: "#000", fillStyle: "#000", lineWidth: 1, globalAlpha: 1, font: "12px sans-serif",
      textAlign: "left", textBaseline: "alphabetic", lineJoin: "round",
    });
  }

  save() {
    this.openGroups.push("");
  }

  restore() {
    this.parts.push(this.openGroups.pop());
  }

  beginPath() {
    this.path = "";
  }

  moveTo(x, y) {
    this.path += `M${round(x)} ${round(y)}`;
  }

  lineTo(x, y) {
    this.path += `L${round(x)} ${round(y)}`;
  }

  rect(x, y, width, height) {
    this.path += `M${round(x)} ${round(y)}h${round(width)}v${round(height)}h${round(-width)}Z`;
  }

  // A whole circle; charts draw no other arcs.
  arc(x, y, radius) {
    const r = round(radius);
    this.path += `M${round(x - radius)} ${round(y)}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`;
  }

  closePath() {
    this.path += "Z";
  }

  setLineDash(dash) {
    this.dash = dash;
  }

  // Clips what is drawn until `restore`.
  clip() {
    const id = `clip${(this.clips += 1)}`;
    this.parts.push(`<clipPath id="${id}"><path d="${this.path}"/></clipPath><g clip-path="url(#${id})">`);
    this.openGroups[this.openGroups.length - 1] += "</g>";
  }

  stroke() {
    if (!this.path) return;
    const dash = this.dash.length ? ` stroke-dasharray="${this.dash.join(" ")}"` : "";
    this.parts.push(
      `<path d="${this.path}" fill="none" stroke="${escapeXml(this.strokeStyle)}"`
        + ` stroke-width="${this.lineWidth}" stroke-linejoin="round"${dash}${this.opacity()}/>`,
    );
  }

  fill() {
    this.parts.push(`<path d="${this.path}" fill="${escapeXml(this.fillStyle)}"${this.opacity()}/>`);
  }

  fillRect(x, y, width, height) {
    this.beginPath();
    this.rect(x, y, width, height);
    this.fill();
  }

  fillText(text, x, y, angle = 0) {
    const anchor = { left: "start", center: "middle", right: "end" }[this.textAlign];
    const [, weight, size] = /^(?:(bold|600) )?(\d+(?:\.\d+)?)px/.exec(this.font);
    const shift = { top: "0.8em", middle: "0.35em", alphabetic: "0" }[this.textBaseline];
    const turn = angle ? ` transform="rotate(${angle} ${round(x)} ${round(y)})"` : "";
    this.parts.push(
      `<text x="${round(x)}" y="${round(y)}" dy="${shift}" text-anchor="${anchor}" font-size="${size}"`
        + `${weight ? ' font-weight="600"' : ""} fill="${escapeXml(this.fillStyle)}"${turn}>${escapeXml(text)}</text>`,
    );
  }

  opacity() {
    return this.globalAlpha < 1 ? ` opacity="${this.globalAlpha}"` : "";
  }

  toText() {
    return (
      `<svg xmlns="http://www.w3.org/2000/svg" width="${this.width}" height="${this.height}"`
      + ` viewBox="0 0 ${this.width} ${this.height}" font-family="Helvetica, Arial, sans-serif">`
      + `${this.parts.join("")}</svg>`
    );
  }
}

function round(value) {
  return Math.round(value * 100) / 100;
}

function escapeXml(text) {
  // XML has no control characters, not even escaped.
  return String(text)
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd")
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/"/g, "&quot;");
}
