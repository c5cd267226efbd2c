// Small charts in SVG: a line or bars, its highest figure, its span of time; in words for who
// cannot see it, and as a table for who wants the figures.

import { gettext } from "../lib/words.js";

const SPACE = "http://www.w3.org/2000/svg";
const [HEIGHT, TOP, FOOT] = [96, 16, 16];

function piece(name, attributes, text) {
  const element = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

/** A round number at or above `value`, so that the scale does not twitch. */
function ceiling(value) {
  if (value <= 4) return 4;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 5, 7.5, 10].map((n) => n * power).find((n) => n >= value);
}

/** The chart in a `<figure data-chart>`. `write` writes a figure, `at` a moment. */
export class Chart {
  constructor(figure, { bars = false, write, at, span }) {
    this.bars = bars;
    this.write = write;
    this.at = at;
    this.span = span;
    this.name = figure.querySelector(".label").textContent;
    this.value = figure.querySelector(".value");
    this.table = figure.querySelector("table");
    this.details = figure.querySelector("details");
    this.svg = piece("svg", { height: HEIGHT, role: "img" });
    this.plot = figure.querySelector(".plot");
    this.plot.append(this.svg);
    this.details.addEventListener("toggle", () => this.#fill());
    this.points = [];
  }

  /** Draws `points` up to the moment `now`, and says `current` as the figure of now. */
  draw(points, now, current) {
    this.points = points;
    if (this.value.textContent !== current) this.value.textContent = current;
    const most = points.reduce((high, [, value]) => Math.max(high, value), 0);
    const top = ceiling(most);
    const wide = Math.max(80, this.plot.clientWidth); // in true pixels: letters stay legible
    this.svg.setAttribute("viewBox", `0 0 ${wide} ${HEIGHT}`);
    const x = (ms) => Math.max(0, wide * (1 - (now - ms) / this.span));
    const y = (value) => TOP + (HEIGHT - TOP - FOOT) * (1 - value / top);
    const base = y(0);
    this.svg.replaceChildren(
      piece("line", { class: "axis", x1: 0, x2: wide, y1: base, y2: base }),
      piece("line", { class: "grid", x1: 0, x2: wide, y1: y(top), y2: y(top) }),
      ...(this.bars ? this.#bars(points, x, y, base, wide) : this.#line(points, x, y, base)),
      piece("text", { x: 0, y: TOP - 4, class: "scale" }, most ? this.write(top) : ""),
      piece("text", { x: 0, y: HEIGHT - 2, class: "scale" }, this.at(now - this.span)),
      piece("text", { x: wide, y: HEIGHT - 2, class: "scale end" }, this.at(now)),
    );
    const told = gettext("%(name)s: now %(now)s, at most %(most)s in the last %(minutes)s minutes", {
      name: this.name,
      now: current,
      most: this.write(most),
      minutes: Math.round(this.span / 60000),
    });
    this.svg.setAttribute("aria-label", told);
    if (this.details.open) this.#fill();
  }

  #line(points, x, y, base) {
    if (!points.length) return [];
    const path = points.map(([ms, value]) => `${x(ms).toFixed(1)} ${y(value).toFixed(1)}`);
    const [first, last] = [x(points[0][0]), x(points.at(-1)[0])];
    return [
      piece("path", { class: "area", d: `M${first} ${base}L${path.join("L")}L${last} ${base}Z` }),
      piece("path", { class: "stroke", d: `M${path.join("L")}` }),
      piece("circle", { class: "tip", cx: last, cy: y(points.at(-1)[1]), r: 3 }),
    ];
  }

  #bars(points, x, y, base, whole) {
    const wide = whole / points.length;
    return points
      .filter(([, value]) => value > 0)
      .map(([ms, value]) =>
        piece("rect", {
          class: "bar",
          x: Math.min(whole - wide, x(ms)).toFixed(1),
          y: y(value).toFixed(1),
          width: Math.max(1, wide - 1).toFixed(1),
          height: (base - y(value)).toFixed(1),
        }),
      );
  }

  /** The table behind it, a row a minute, newest first; only while somebody looks. */
  #fill() {
    if (!this.details.open) return;
    const rows = new Map();
    for (const [ms, value] of this.points) rows.set(Math.floor(ms / 60000), [ms, value]);
    const head = document.createElement("thead");
    head.append(row("th", [gettext("Time"), this.name]));
    const body = document.createElement("tbody");
    const newest = [...rows.values()].reverse();
    body.append(...newest.map(([ms, value]) => row("td", [this.at(ms), this.write(value)])));
    this.table.replaceChildren(head, body);
  }
}

function row(kind, texts) {
  const line = document.createElement("tr");
  for (const [index, text] of texts.entries()) {
    const cell = document.createElement(kind);
    if (kind === "th") cell.scope = "col";
    if (index) cell.className = "number";
    cell.textContent = text;
    line.append(cell);
  }
  return line;
}
