// Elements. Text from the server only ever becomes a text node here, never markup.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

export const el = (tag, attributes = {}, ...children) =>
  filled(document.createElement(tag), attributes, children);

export const svg = (tag, attributes = {}, ...children) =>
  filled(document.createElementNS(SVG, tag), attributes, children);

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// Writes only what changed: an unchanged page costs no layout, and a selection survives.
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function mark(element, name, value) {
  if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

// What cannot be seen, or turns the text around it: U+202E reverses what follows.
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

export const visible = (text) =>
  text.replace(UNSEEN, (sign) => `⟨U+${sign.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);

// Something a client chose: may be long, may be written from right to left, may mean to deceive.
export function foreign(text) {
  const shown = visible(text);
  return el("bdi", { title: shown }, shown);
}

// A cell of a table that becomes a card on narrow screens, where its label is shown beside it.
export const cell = (label, attributes = {}, ...children) =>
  el("td", { role: "cell", "data-label": label, ...attributes }, ...children);

// One row for each item, in their order; rows are made once, and updated from then on.
export class Rows {
  #body;
  #make;
  #rows = new Map();

  constructor(body, make) {
    this.#body = body;
    this.#make = make; // returns { row, update(item) }
  }

  show(items, keyOf) {
    const gone = new Set(this.#rows.keys());
    const times = new Map(); // two streams may go by one name
    let place = this.#body.firstElementChild;
    for (const item of items) {
      const name = keyOf(item);
      times.set(name, (times.get(name) ?? 0) + 1);
      const key = JSON.stringify([name, times.get(name)]);
      gone.delete(key);
      if (!this.#rows.has(key)) this.#rows.set(key, this.#make(item));
      const { row, update } = this.#rows.get(key);
      update(item);
      if (row === place) place = place.nextElementSibling;
      else this.#body.insertBefore(row, place);
    }
    for (const key of gone) {
      this.#rows.get(key).row.remove();
      this.#rows.delete(key);
    }
  }
}
