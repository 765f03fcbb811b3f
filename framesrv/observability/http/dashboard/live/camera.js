// This browser as a camera: pictures go up as JPEG, and come back as the server made them.

import { byId, mark, say } from "../dom.js";
import { count, milliseconds, NONE, perSecond } from "../format.js";
import { Call, CALLS } from "./call.js";
import { Source } from "./capture.js";
import { PIPELINES } from "./pipelines.js";
import { Rate } from "./rate.js";
import { Screen } from "./screen.js";
import { explained, words } from "./words.js";

const OK = 1;
const FAILED = 2;
const BLOCK = 1;
const EVERY_MS = 500;
const WAITING_BYTES_MAX = 512 * 1024; // a line that is slower gets fewer pictures, not older ones
const LATENCIES_MAX = 200;
const FORGOTTEN = 4096; // that were sent and are no longer waited for

const source = new Source(byId("original"));
const screen = new Screen(byId("processed"));
const tally = { sent: 0, ok: 0, failed: 0, dropped: 0, skipped: 0 };
let sentAt = new Map(); // by sequence
let latencies = [];
let rate = new Rate();
let sequence = 0;
let ready = null; // what the server said when it opened the stream
let chosen = null; // the settings of the stream that is open

// -- what goes up ----------------------------------------------------------------------------------

function settings() {
  return {
    pipeline: byId("pipeline").value,
    width: Number(byId("size").value),
    fps: Number(byId("fps").value),
    policy: Number(byId("policy").value),
    window: Number(byId("window").value),
    publish: byId("publish").value.trim(),
  };
}

function opened(call) {
  sentAt = new Map();
  ready = null;
  call.send({
    open: {
      pipeline: PIPELINES[chosen.pipeline],
      drop_policy: chosen.policy,
      max_in_flight_frames: chosen.window,
      stream_id: chosen.publish,
      publish: chosen.publish !== "",
    },
  });
}

// Under a policy that drops, the server decides what is too much; else the page waits as it is told.
function hasRoom() {
  const inFlightMax = chosen.policy === BLOCK ? ready.max_in_flight_frames : FORGOTTEN;
  return call.waiting <= WAITING_BYTES_MAX && sentAt.size < inFlightMax;
}

async function picture() {
  if (ready === null) return;
  if (!hasRoom()) {
    tally.skipped += 1;
    return;
  }
  const data = await source.jpeg();
  if (data === null || ready === null) return;
  sequence += 1;
  sentAt.set(sequence, performance.now());
  tally.sent += 1;
  const frame = { sequence, captured_at_ns: BigInt(Date.now()) * 1_000_000n, encoded: { codec: 1, data } };
  call.send({ batch: { frames: [frame] } });
}

// -- what comes back -------------------------------------------------------------------------------

function message({ ready: first, results, go_away: goAway }) {
  if (first) ready = first;
  if (results) results.results.forEach(result);
  if (goAway) leave();
}

// The server is about to stop: it answers what it has, and the next one is looked for.
function leave() {
  ready = null;
  call.end();
}

function result({ sequence: number, status, error, outputs }) {
  const at = sentAt.get(number);
  sentAt.delete(number);
  if (status === OK) {
    tally.ok += 1;
    rate.count();
    if (at !== undefined) latencies = [...latencies.slice(1 - LATENCIES_MAX), performance.now() - at];
    byId("processed-none").hidden = true;
    screen.show(outputs[0]);
    const { width, height } = outputs[0].layout;
    say(byId("processed-about"), `${width} x ${height}`);
    return;
  }
  if (status === FAILED) tally.failed += 1;
  else tally.dropped += 1;
  say(byId("last-error"), `${words(error)} ${error.message} (${error.reason})`);
}

// -- the page --------------------------------------------------------------------------------------

const STATES = {
  off: "not started",
  connecting: "connecting",
  live: "live",
  lost: "lost, trying again",
  ended: "refused",
};

function state(name, status) {
  mark(byId("connection"), "data-state", name);
  say(byId("connection-text"), STATES[name]);
  if (name !== "live") ready = null;
  const isTrouble = name === "ended" || (name === "lost" && status.reason !== "LOST");
  if (isTrouble) trouble(explained(status));
  else if (name === "live" || name === "lost") byId("trouble").hidden = true;
  if (name === "ended") stop();
  const { publish } = chosen ?? {};
  byId("watch").hidden = name !== "live" || !publish;
  if (publish) byId("watch").href = `watch?${new URLSearchParams({ stream: publish })}`;
}

function trouble(parts) {
  byId("trouble").replaceChildren(...parts);
  byId("trouble").hidden = false;
}

const call = new Call(CALLS.process, { opened, message, state });

async function start() {
  byId("trouble").hidden = true;
  chosen = settings();
  try {
    await source.start(chosen, picture);
  } catch (error) {
    trouble(source.explained(error));
    return stop();
  }
  byId("original-none").hidden = true;
  say(byId("original-about"), source.about);
  say(byId("start"), "Use these settings");
  byId("stop").hidden = false;
  Object.assign(tally, { sent: 0, ok: 0, failed: 0, dropped: 0, skipped: 0 });
  latencies = [];
  rate = new Rate();
  say(byId("last-error"), "");
  call.start();
}

// A stream that was refused keeps its words on the page.
function stop() {
  source.stop();
  call.stop();
  ready = null;
  sentAt = new Map();
  byId("original-none").hidden = false;
  say(byId("original-about"), "");
  say(byId("start"), "Start the camera");
  byId("stop").hidden = true;
  byId("watch").hidden = true;
}

function tell() {
  for (const [name, number] of Object.entries(tally)) say(byId(name), count(number));
  say(byId("flight"), count(sentAt.size));
  say(byId("rate"), latencies.length ? perSecond(rate.perSecond) : NONE);
  const sorted = latencies.toSorted((one, other) => one - other);
  const at = (share) => (sorted.length ? milliseconds(sorted[Math.floor(share * (sorted.length - 1))]) : NONE);
  say(byId("p50"), at(0.5));
  say(byId("p95"), at(0.95));
}

byId("settings").addEventListener("submit", (event) => {
  event.preventDefault();
  start();
});
byId("stop").addEventListener("click", () => {
  stop();
  state("off");
});
setInterval(tell, EVERY_MS);
