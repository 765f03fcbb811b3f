// What went wrong last, by reason: how often, when, and in the words its client was told.

import { byId, el, foreign, mark, Rows, say, visible } from "./dom.js";
import { ago, count, moment } from "./format.js";

const FRESH_MS = 10_000;

const rows = new Rows(byId("errors"), (error) => {
  const number = el("b", { class: "times" });
  const when = el("time", {});
  const text = el("p", {});
  const ids = el("p", { class: "ids" });
  const kind = error.kind === "calls" ? "calls refused" : "frames";
  const head = el(
    "h3",
    {},
    el("code", {}, error.reason),
    el("span", { class: "kind" }, el("span", { class: "sr" }, ", "), number, ` ${kind}`),
    when,
  );
  const row = el("li", {}, head, text, ids);
  return { row, update: (now) => update(now, { row, number, when, text, ids }) };
});

function update(error, { row, number, when, text, ids }) {
  const sinceMs = error.now - error.at_ms;
  say(number, count(error.count));
  say(when, ago(sinceMs));
  mark(when, "datetime", new Date(error.at_ms).toISOString());
  mark(when, "title", moment(error.at_ms));
  mark(row, "class", sinceMs < FRESH_MS ? "fresh" : "");
  say(text, visible(error.text));
  const named = [
    ["stream", error.stream],
    ["request", error.request],
  ].filter(([, id]) => id);
  const key = JSON.stringify(named);
  if (ids.dataset.key === key) return;
  ids.dataset.key = key;
  ids.replaceChildren(
    ...named.map(([what, id]) => el("span", {}, `${what} `, foreign(id))),
  );
}

// The newest first; those that happen all the time by their number, or they would never stand still.
function calmly(one, other) {
  const [isFresh, isOtherFresh] = [one, other].map((error) => error.now - error.at_ms < FRESH_MS);
  if (isFresh && isOtherFresh) return other.count - one.count;
  return other.at_ms - one.at_ms;
}

export function showErrors({ errors, at_ms: now }) {
  const listed = errors.map((error) => ({ ...error, now })).sort(calmly);
  rows.show(listed, (error) => `${error.kind} ${error.reason}`);
  byId("errors-none").hidden = errors.length > 0;
}
