// The latest picture of a published stream, in a dialog; asked for only while somebody looks.

import { byId, say, visible } from "./dom.js";
import { age, perSecond } from "./format.js";

const EVERY_MS = 500;
const AFTER_FAILURE_MS = 2000;

const dialog = byId("preview");
const image = byId("preview-image");
let shownId = null;
let timer = 0;

export function openPreview(id) {
  shownId = id;
  say(byId("preview-title"), visible(id));
  say(byId("preview-about"), "");
  image.alt = `The latest picture of ${visible(id)}`;
  if (!dialog.open) dialog.showModal();
  ask();
}

// Keeps the line below the picture true; a stream that has ended says so.
export function showPreviewOf(streams) {
  if (!dialog.open) return;
  const stream = streams.find(({ id }) => id === shownId);
  say(
    byId("preview-about"),
    stream
      ? `${perSecond(stream.fps)} FPS, last frame: ${age(stream.age_s)}`
      : "The stream is not open, or not among the busiest.",
  );
}

// The next is asked for when this one is there: a slow line never piles up requests.
function ask() {
  clearTimeout(timer);
  if (!dialog.open || document.hidden) return;
  image.src = `api/streams/${encodeURIComponent(shownId)}/preview?at=${Date.now()}`;
}

function again(ms) {
  clearTimeout(timer);
  timer = setTimeout(ask, ms);
}

image.addEventListener("load", () => {
  if (!image.getAttribute("src")) return;
  image.hidden = false;
  byId("preview-none").hidden = true;
  again(EVERY_MS);
});
image.addEventListener("error", () => {
  image.hidden = true;
  byId("preview-none").hidden = false;
  again(AFTER_FAILURE_MS);
});
dialog.addEventListener("close", () => {
  clearTimeout(timer);
  image.removeAttribute("src");
  shownId = null;
});
byId("preview-close").addEventListener("click", () => dialog.close());
document.addEventListener("visibilitychange", ask);
