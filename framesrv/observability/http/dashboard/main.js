// Puts the page together: what the feed brings goes to each part that shows some of it.

import { byId } from "./dom.js";
import { showErrors } from "./errors.js";
import { Feed } from "./feed.js";
import { milliseconds, perSecond, plain, rate } from "./format.js";
import { showConnection, showServer } from "./header.js";
import { showMachine } from "./machine.js";
import { Plot, SPAN_MS } from "./plot.js";
import { showPools } from "./pools.js";
import { noticeServer } from "./settings.js";
import { showStreams } from "./streams.js";

const plots = [
  new Plot(byId("plot-fps"), {
    name: "Throughput",
    series: [{ key: "fps", name: "ok", area: true }],
    format: (number) => `${perSecond(number)} FPS`,
    axis: plain,
    least: 8,
  }),
  new Plot(byId("plot-latency"), {
    name: "Latency",
    series: [
      { key: "p50_ms", name: "p50" },
      { key: "p95_ms", name: "p95" },
      { key: "p99_ms", name: "p99" },
    ],
    format: milliseconds,
    axis: (number) => (number < 1000 ? `${plain(number)} ms` : `${plain(number / 1000)} s`),
    least: 10,
    isLogarithmic: true,
  }),
  new Plot(byId("plot-trouble"), {
    name: "Lost and refused",
    series: [
      { key: "failed", name: "failed" },
      { key: "dropped", name: "dropped" },
      { key: "refused", name: "refused" },
    ],
    format: (number) => `${rate(number)}/s`,
    axis: plain,
    least: 4,
  }),
];

let points = [];
let heard = null; // the last snapshot, and when it came by our own clock

// The server's clock, also while nothing is heard: then the gap is seen to grow.
const serverNow = () => heard.snapshot.at_ms + (performance.now() - heard.at);

function draw() {
  if (heard === null) return;
  const now = serverNow();
  points = points.filter((point) => point.at_ms >= now - SPAN_MS);
  for (const plot of plots) plot.show(points, now, heard.snapshot.server.started_at_ms);
}

function history(found) {
  // What we saw of a server that is gone stays before what its successor remembers.
  const first = found.at(0)?.at_ms ?? Infinity;
  points = [...points.filter((point) => point.at_ms < first), ...found];
}

function snapshot(found) {
  heard = { snapshot: found, at: performance.now() };
  if (found.point.at_ms > (points.at(-1)?.at_ms ?? 0)) points.push(found.point);
  showServer(found);
  showMachine(found);
  showPools(found);
  showStreams(found);
  showErrors(found);
  noticeServer(found.server.id);
  draw();
  document.documentElement.dataset.loaded = "yes";
}

function state(name, since) {
  showConnection(name, since);
  if (name !== "live") draw();
}

document.title = `framesrv ${location.host}`;
new Feed({ history, snapshot, state }).start();
