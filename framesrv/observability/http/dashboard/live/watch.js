// Published streams as they come: a tile for each, or one mosaic of them all.

import { byId, el, foreign, mark, Rows, say, visible } from "../dom.js";
import { clock, count, milliseconds, perSecond } from "../format.js";
import { Call, CALLS } from "./call.js";
import { Lag, Rate } from "./rate.js";
import { Screen } from "./screen.js";
import { duration } from "./wire.js";
import { explained } from "./words.js";

const EVENTS_MAX = 30;
const TILES_MAX = 64;
const QUEUE_FRAMES = 4; // fresh ones: what this page does not take in time may go
const EVERY_MS = 500;
const CHOICES_EVERY_MS = 5000;
const WINDOW_S = 0.1; // of a mosaic
const LATENESS_S = 0.3;
const MOSAIC_WIDTH = 1280;
const SHAPE = 9 / 16; // of a cell
const STARTED = 1;

const asked = new URLSearchParams(location.search);
const ids = [...new Set(asked.getAll("stream"))].filter(Boolean);
const isMerged = asked.getAll("merge").some((value) => value && value !== "0") && ids.length > 0;
const tiles = new Map();

// As square as can be, as the server would have it; its cells have the shape of most pictures.
function mosaicOf(cells) {
  const columns = Math.ceil(Math.sqrt(cells));
  const rows = Math.ceil(cells / columns);
  return { columns, width: MOSAIC_WIDTH, height: 2 * Math.round((MOSAIC_WIDTH * SHAPE * rows) / columns / 2) };
}

const mosaic = mosaicOf(ids.length || 1);

// -- tiles -----------------------------------------------------------------------------------------

class Tile {
  #rate = new Rate();
  #lag = new Lag();
  #lost = 0;
  #incomplete = 0;

  constructor(name, word) {
    this.word = word; // for frames that were not shown
    const size = isMerged ? { width: mosaic.width, height: mosaic.height } : {};
    const canvas = el("canvas", { role: "img", "aria-label": `Live pictures of ${visible(name)}`, ...size });
    this.screen = new Screen(canvas);
    this.empty = el("p", { class: "empty" }, "Waiting for the first picture.");
    this.fps = el("span", { class: "fps" });
    this.lag = el("span", { class: "lag", title: "behind the quickest picture so far" });
    this.gaps = el("span", { class: "gaps" });
    const numbers = el("span", { class: "numbers" }, this.fps, this.lag, this.gaps);
    const caption = el("figcaption", {}, el("b", {}, foreign(name)), numbers);
    this.figure = el("figure", { class: "panel tile" }, el("div", { class: isMerged ? "frame mosaic" : "frame" }, canvas, this.empty), caption);
    this.figure.dataset.stream = name;
  }

  picture(output, atNs, isComplete = true) {
    this.#rate.count();
    this.#lag.count(atNs);
    if (!isComplete) this.#incomplete += 1;
    this.figure.classList.remove("over");
    if (output) this.screen.show(output);
    this.empty.hidden = true;
  }

  lost(frames) {
    this.#lost += frames;
  }

  ended() {
    this.figure.classList.add("over");
    say(this.empty, "The stream has ended. The next of its name will be shown here.");
    this.empty.hidden = false;
  }

  tell() {
    say(this.fps, `${perSecond(this.#rate.perSecond)} FPS`);
    say(this.lag, this.#lag.ms === null ? "" : `${milliseconds(this.#lag.ms)} behind`);
    const told = [
      this.#lost ? `${count(this.#lost)} ${this.word}` : "",
      this.#incomplete ? `${count(this.#incomplete)} incomplete` : "",
    ];
    say(this.gaps, told.filter(Boolean).join(", "));
    mark(this.gaps, "class", this.#lost && !isMerged ? "gaps warn" : "gaps");
  }
}

function tileOf(name) {
  if (!tiles.has(name)) {
    if (tiles.size >= TILES_MAX) return null;
    // Of each window one frame of a stream is shown, and the others are left out as they should be.
    const tile = new Tile(name, isMerged ? "left out" : "missed");
    tiles.set(name, tile);
    byId("tiles").append(tile.figure);
    mark(byId("tiles"), "data-count", tiles.size);
  }
  byId("tiles-none").hidden = true;
  return tiles.get(name);
}

// -- what comes ------------------------------------------------------------------------------------

const mosaicName = () => ids.map(visible).join(" + ");

function message({ frame, merged, gap, event, go_away: goAway }) {
  if (frame) tileOf(frame.stream_id)?.picture(frame.outputs[0], frame.received_at_ns);
  if (merged) tileOf(mosaicName())?.picture(merged.mosaic, merged.window_close_ns, merged.complete);
  if (gap) missed(gap);
  if (event) changed(event);
  if (goAway) happened("the server is about to stop");
}

// A gap of a merged stream is one of the mosaic.
function missed({ stream_id: id, dropped_frames: frames }) {
  tileOf(isMerged ? mosaicName() : id)?.lost(frames);
}

function changed({ stream_id: id, state }) {
  const hasStarted = state === STARTED;
  happened(`${visible(id)} has ${hasStarted ? "started" : "ended"}`);
  if (isMerged) return;
  if (hasStarted) tileOf(id);
  else tileOf(id)?.ended();
}

function happened(text) {
  const now = Date.now();
  const time = el("time", { datetime: new Date(now).toISOString() }, clock(now));
  byId("events").prepend(el("li", {}, time, el("span", {}, text)));
  while (byId("events").childElementCount > EVENTS_MAX) byId("events").lastElementChild.remove();
  byId("events-none").hidden = true;
}

// -- the call --------------------------------------------------------------------------------------

function request() {
  const wanted = { stream_ids: ids, queue_frames: QUEUE_FRAMES, wait: true };
  if (!isMerged) return wanted;
  const merge = { length: duration(WINDOW_S), lateness: duration(LATENESS_S), mosaic, alone: true };
  return { ...wanted, merge };
}

const STATES = {
  connecting: "connecting",
  live: "live",
  lost: "lost, trying again",
  ended: "refused",
};
let before = "";

function state(name, status) {
  mark(byId("connection"), "data-state", name);
  say(byId("connection-text"), STATES[name]);
  const isTrouble = name === "ended" || (name === "lost" && status.reason !== "LOST");
  if (isTrouble) byId("trouble").replaceChildren(...explained(status));
  if (name !== "connecting") byId("trouble").hidden = !isTrouble;
  if (name === "lost" && before !== "lost") happened("the connection is lost");
  if (name === "live" && before === "lost") happened("connected again");
  if (name !== "connecting") before = name;
}

const call = new Call(CALLS.subscribe, { opened: (open) => open.send(request()), message, state });

// Nobody looks at a hidden tab.
function shownOrHidden() {
  if (document.hidden) call.stop();
  else call.start();
}

// -- what there is to choose from ------------------------------------------------------------------

const rows = new Rows(byId("choices"), ({ id, isChosen }) => {
  const box = el("input", { type: "checkbox", name: "stream", value: id });
  box.checked = isChosen;
  return { row: el("label", { class: "check" }, box, foreign(id)), update: () => {} };
});

async function offer() {
  if (document.hidden) return;
  let found = [];
  try {
    const answer = await fetch("api/snapshot", { cache: "no-store" });
    if (answer.ok) found = (await answer.json()).streams.shown.filter(({ watch }) => watch).map(({ id }) => id);
  } catch {
    // the call says that the server is gone
  }
  const all = [...new Set([...ids, ...found])].sort();
  rows.show(
    all.map((id) => ({ id, isChosen: ids.includes(id) })),
    ({ id }) => id,
  );
  byId("choices-none").hidden = all.length > 0;
}

byId("merge").checked = isMerged;
if (isMerged) tileOf(mosaicName());
else ids.forEach(tileOf);
byId("tiles-none").hidden = ids.length > 0;
document.title = `framesrv: ${ids.length ? mosaicName() : "all streams"}`;
document.addEventListener("visibilitychange", shownOrHidden);
setInterval(() => tiles.forEach((tile) => tile.tell()), EVERY_MS);
setInterval(offer, CHOICES_EVERY_MS);
offer();
shownOrHidden();
