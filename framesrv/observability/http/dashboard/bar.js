// Bars of a whole: each buffer a cell where they are few enough to be told apart.

import { mark, svg } from "./dom.js";

const CELLS_MAX = 40;
// What is there at all is seen, if it is one of twenty thousand: its width is at least this.
const LEAST = 1;

// Widths in percent of the whole, each as its number says, and none so small as to vanish.
export const widths = (numbers, whole) =>
  numbers.map((number) => (number ? Math.max((100 * number) / (whole || 1), LEAST) : 0));

export class Bar {
  #parts;
  #recent;
  #cells;
  #mayDivide;
  #whole = 0;

  constructor(names, { cells = false } = {}) {
    this.#mayDivide = cells;
    this.svg = svg("svg", { class: "bar", role: "img", width: "100%", height: 14 });
    this.svg.append(svg("rect", { class: "track", width: "100%", height: "100%" }));
    this.#parts = names.map((name) => svg("rect", { class: name, height: "100%" }));
    this.#cells = svg("g", { class: "cells" });
    this.#recent = svg("rect", { class: "recent", height: "100%" });
    this.svg.append(...this.#parts, this.#recent, this.#cells);
  }

  // recent: how many of the last number were with the first, not long ago.
  show(numbers, whole, label, recent = 0) {
    let left = 0;
    widths(numbers, whole).forEach((width, index) => {
      const fits = Math.min(width, 100 - left);
      mark(this.#parts[index], "x", `${left}%`);
      mark(this.#parts[index], "width", `${fits}%`);
      left += fits;
    });
    const [last] = widths([numbers.at(-1)], whole);
    const [seen] = widths([Math.min(recent, numbers.at(-1))], whole);
    mark(this.#recent, "x", `${left - Math.min(last, left)}%`);
    mark(this.#recent, "width", `${Math.min(seen, last)}%`);
    mark(this.svg, "aria-label", label);
    if (whole !== this.#whole) this.#divide(whole);
  }

  #divide(whole) {
    this.#whole = whole;
    const between = this.#mayDivide && whole <= CELLS_MAX ? Math.max(whole - 1, 0) : 0;
    const lines = Array.from({ length: between }, (_, index) => {
      const x = `${(100 * (index + 1)) / whole}%`;
      return svg("line", { x1: x, x2: x, y1: 0, y2: "100%" });
    });
    this.#cells.replaceChildren(...lines);
  }
}
