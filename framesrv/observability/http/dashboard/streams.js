// The open streams: the busiest of them, by name.

import { Bar } from "./bar.js";
import { byId, cell, el, foreign, mark, Rows, say, visible } from "./dom.js";
import { age, count, perSecond } from "./format.js";
import { openPreview, showPreviewOf } from "./preview.js";

// By name: in the order of their speed, rows would change places every second.
const byName = new Intl.Collator(undefined, { numeric: true }).compare;
const LATE_S = 5; // a stream without a frame for so long is worth a look

const rows = new Rows(byId("streams").tBodies[0], (stream) => {
  const bar = new Bar(["leased"]);
  const flight = el("span", { class: "told" });
  const cells = {
    fps: cell("FPS", { class: "number" }),
    age: cell("last frame", { class: "number" }),
    ok: cell("ok", { class: "number" }),
    failed: cell("failed", { class: "number" }),
    dropped: cell("dropped", { class: "number" }),
    flight: cell("in flight", { class: "flight" }, el("span", { class: "gauge" }, bar.svg, flight)),
  };
  const tag = el("span", { class: "tag" }, "published");
  const button = el("button", { type: "button", class: "small" }, "Preview");
  button.setAttribute("aria-label", `Preview ${visible(stream.id)}`);
  button.addEventListener("click", () => openPreview(stream.id));
  const watch = el("a", { href: `watch?${new URLSearchParams({ stream: stream.id })}` }, "Watch");
  watch.setAttribute("aria-label", `Watch ${visible(stream.id)}`);
  const name = el("th", { scope: "row", role: "rowheader" }, foreign(stream.id), tag);
  const row = el("tr", { role: "row" }, name, ...Object.values(cells));
  row.append(cell("", { class: "action" }, watch, button));
  return { row, update: (now) => update(now, cells, bar, flight, { tag, button, watch }) };
});

function update(stream, cells, bar, flight, { tag, button, watch }) {
  say(cells.fps, perSecond(stream.fps));
  say(cells.age, age(stream.age_s));
  say(cells.ok, count(stream.ok));
  say(cells.failed, count(stream.failed));
  say(cells.dropped, count(stream.dropped));
  say(flight, `${count(stream.in_flight)} of ${count(stream.window)}`);
  bar.show([stream.in_flight], stream.window, `${stream.in_flight} of ${stream.window} in flight`);
  mark(cells.age, "class", stream.age_s > LATE_S ? "number warn" : "number");
  mark(cells.failed, "class", stream.failed ? "number bad" : "number zero");
  mark(cells.dropped, "class", stream.dropped ? "number warn" : "number zero");
  tag.hidden = !stream.published;
  button.hidden = !stream.preview;
  watch.hidden = !stream.watch;
}

export function showStreams({ streams }) {
  const { open, shown } = streams;
  const sorted = shown.toSorted((one, other) => byName(one.id, other.id));
  rows.show(sorted, (stream) => stream.id);
  say(byId("streams-open"), `${count(open)} open`);
  say(byId("streams-more"), open > shown.length ? `The ${shown.length} busiest are shown.` : "");
  byId("streams-none").hidden = shown.length > 0;
  byId("streams").hidden = shown.length === 0;
  showPreviewOf(shown);
}
