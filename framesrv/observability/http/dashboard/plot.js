// A plot of the last five minutes: lines in SVG, read by pointing or with the arrow keys.

import { onPointed, pointAt, pointedAt } from "./cursor.js";
import { el, mark, say, svg } from "./dom.js";
import { ago, clock, NONE } from "./format.js";
import { linear, logarithmic, nearest, pieces } from "./scale.js";

export const SPAN_MS = 300_000;
const MINUTE_MS = 60_000;
const GAP_MS = 2_500; // points come once a second
const PLACE = { top: 10, right: 2, bottom: 20, left: 52 };

export class Plot {
  #figure;
  #series;
  #format;
  #axis;
  #least;
  #isLogarithmic;
  #name;
  #points = [];
  #now = 0;
  #startedAt = 0;
  #parts = {};
  #size = { width: 0, height: 0 };
  #values = new Map();

  // series: [{ key, name, area }]; format and axis: values as text, read and beside the lines;
  // least: the smallest top of the axis.
  constructor(figure, { name, series, format, axis, least, isLogarithmic = false }) {
    this.#figure = figure;
    this.#series = series;
    this.#format = format;
    this.#axis = axis;
    this.#least = least;
    this.#isLogarithmic = isLogarithmic;
    this.#name = name;
    this.#build();
    new ResizeObserver(() => this.#draw()).observe(this.#parts.svg);
    onPointed(() => this.#read());
  }

  show(points, now, startedAt) {
    this.#points = points;
    this.#now = now;
    this.#startedAt = startedAt;
    this.#draw();
  }

  #build() {
    const legend = el("ul", { class: "legend" });
    for (const { key, name } of this.#series) {
      const value = el("b", {}, NONE);
      const line = svg("svg", { class: "swatch", width: 18, height: 8, "aria-hidden": "true" });
      line.append(svg("line", { class: `line ${key}`, x1: 1, x2: 17, y1: 4, y2: 4 }));
      legend.append(el("li", {}, line, el("span", {}, name), value));
      this.#values.set(key, value);
    }
    const root = svg("svg", {
      class: "plot",
      role: "slider",
      tabindex: 0,
      "aria-label": `${this.#name}: arrow keys read the values of the last five minutes`,
      "aria-valuemin": -SPAN_MS / 1000,
      "aria-valuemax": 0,
    });
    const grid = svg("g", { class: "grid" });
    const start = svg("g", { class: "start" });
    const lines = svg("g", {});
    const cursor = svg("g", { class: "cursor" });
    const empty = svg("text", { class: "empty", "text-anchor": "middle" });
    root.append(grid, start, lines, cursor, empty);
    legend.classList.add("reading");
    this.#figure.append(legend, root);
    this.#parts = { svg: root, grid, start, lines, cursor, empty };
    root.addEventListener("pointermove", (event) => pointAt(this.#timeAt(event.offsetX)));
    root.addEventListener("pointerdown", (event) => pointAt(this.#timeAt(event.offsetX)));
    root.addEventListener("pointerleave", () => pointAt(null));
    root.addEventListener("blur", () => pointAt(null));
    root.addEventListener("keydown", (event) => this.#key(event));
  }

  #draw() {
    const { svg: root, lines, empty } = this.#parts;
    const { width, height } = root.getBoundingClientRect();
    if (!width || !this.#now) return;
    this.#size = { width, height };
    mark(root, "viewBox", `0 0 ${width} ${height}`);
    const axis = this.#scale();
    const x = (at) => this.#x(at);
    const y = (value) => this.#y(axis.height(value));
    this.#drawGrid(axis.lines, y);
    this.#drawStart();
    const drawn = this.#series.flatMap(({ key, area }) => {
      const found = pieces(this.#points, key, GAP_MS);
      const areas = area ? [path(`area ${key}`, found.map((piece) => areaOf(piece, key, x, y)))] : [];
      return [...areas, path(`line ${key}`, found.map((piece) => lineOf(piece, key, x, y)))];
    });
    lines.replaceChildren(...drawn);
    const isEmpty = this.#points.every((point) => this.#series.every(({ key }) => point[key] == null));
    say(empty, isEmpty ? "no frames yet" : "");
    mark(empty, "x", (PLACE.left + width) / 2);
    mark(empty, "y", height / 2);
    this.#read();
  }

  #scale() {
    const values = this.#points
      .flatMap((point) => this.#series.map(({ key }) => point[key]))
      .filter((value) => value != null);
    const largest = Math.max(...values, 0);
    if (!this.#isLogarithmic) return linear(largest, this.#least);
    return logarithmic(largest, Math.min(...values, this.#least), this.#least);
  }

  #drawGrid(levels, yOf) {
    const { width, height } = this.#size;
    const rows = levels.map((level) => {
      const y = Math.round(yOf(level)) + 0.5;
      return [
        svg("line", { x1: PLACE.left, x2: width - PLACE.right, y1: y, y2: y }),
        svg("text", { x: PLACE.left - 7, y: y + 3.5, "text-anchor": "end" }, this.#axis(level)),
      ];
    });
    const columns = [5, 4, 3, 2, 1, 0].map((minutes) => {
      const x = Math.round(this.#x(this.#now - minutes * MINUTE_MS)) - 0.5;
      const anchor = minutes ? "middle" : "end";
      return [
        svg("line", { x1: x, x2: x, y1: height - PLACE.bottom, y2: height - PLACE.bottom + 4 }),
        svg("text", { x, y: height - 4, "text-anchor": anchor }, minutes ? `−${minutes} min` : "now"),
      ];
    });
    this.#parts.grid.replaceChildren(...rows.flat(), ...columns.flat());
  }

  // A restart is part of the story.
  #drawStart() {
    const { start } = this.#parts;
    const { height, width } = this.#size;
    const x = this.#x(this.#startedAt);
    start.replaceChildren();
    if (x < PLACE.left) return;
    const beside = x > width - 90 ? { x: x - 5, "text-anchor": "end" } : { x: x + 5 };
    start.append(
      svg("line", { x1: x, x2: x, y1: 0, y2: height - PLACE.bottom }),
      svg("text", { ...beside, y: PLACE.top }, "server started"),
    );
  }

  // Shows what was pointed at, or else the present.
  #read() {
    const { cursor, svg: root } = this.#parts;
    const at = pointedAt();
    const point = at === null ? this.#points.at(-1) : nearest(this.#points, at, GAP_MS);
    const words = this.#series.map(({ key, name }) => {
      const value = point?.[key];
      const text = value == null ? NONE : this.#format(value);
      say(this.#values.get(key), text);
      return `${name} ${value == null ? "no data" : text}`;
    });
    const time = at === null ? "now" : `${clock(at)}, ${ago(this.#now - at)}`;
    mark(root, "aria-valuenow", Math.round(((at ?? this.#now) - this.#now) / 1000));
    mark(root, "aria-valuetext", `${time}: ${words.join(", ")}`);
    cursor.replaceChildren();
    if (at === null) return;
    const { width, height } = this.#size;
    const x = this.#x(at);
    if (x < PLACE.left || x > width) return;
    const beside = x > width * 0.6 ? { x: x - 6, "text-anchor": "end" } : { x: x + 6 };
    cursor.append(
      svg("line", { x1: x, x2: x, y1: 0, y2: height - PLACE.bottom }),
      svg("text", { ...beside, y: PLACE.top, class: "when" }, time),
    );
  }

  #key(event) {
    const { key } = event;
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: 30, PageDown: -30 };
    const first = this.#points.at(0)?.at_ms ?? null;
    const last = this.#points.at(-1)?.at_ms ?? null;
    if (key in steps) {
      const from = pointedAt() ?? last;
      const found = nearest(this.#points, from, Infinity);
      const index = this.#points.indexOf(found) + steps[key];
      pointAt(this.#points[Math.min(Math.max(index, 0), this.#points.length - 1)]?.at_ms ?? null);
    } else if (key === "Home") pointAt(first);
    else if (key === "End") pointAt(last);
    else if (key === "Escape") pointAt(null);
    else return;
    event.preventDefault();
  }

  #x(at) {
    const inner = this.#size.width - PLACE.left - PLACE.right;
    return PLACE.left + inner * (1 - (this.#now - at) / SPAN_MS);
  }

  #y(share) {
    const inner = this.#size.height - PLACE.top - PLACE.bottom;
    return PLACE.top + inner * (1 - share);
  }

  #timeAt(x) {
    const inner = this.#size.width - PLACE.left - PLACE.right;
    const share = Math.min(Math.max((x - PLACE.left) / inner, 0), 1);
    const at = this.#now - SPAN_MS * (1 - share);
    return nearest(this.#points, at, GAP_MS)?.at_ms ?? Math.round(at);
  }
}

const path = (name, parts) => svg("path", { class: name, d: parts.join("") });

const round = (number) => Math.round(number * 10) / 10;

// A point alone has no length, and is drawn as a dot by the round end of the line.
function lineOf(points, key, x, y) {
  const places = points.map((point) => `${round(x(point.at_ms))},${round(y(point[key]))}`);
  return `M${places.join("L")}${places.length > 1 ? "" : "h0"}`;
}

function areaOf(points, key, x, y) {
  const [first, last] = [points.at(0), points.at(-1)].map((point) => round(x(point.at_ms)));
  return `${lineOf(points, key, x, y)}L${last},${round(y(0))}L${first},${round(y(0))}Z`;
}
