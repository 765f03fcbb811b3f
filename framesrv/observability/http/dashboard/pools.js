// Each pool as a bar of its buffers: leased first, then idle, then those still held by somebody.

import { Bar } from "./bar.js";
import { byId, cell, el, mark, Rows, say } from "./dom.js";
import { bytes, count, duration, milliseconds, NONE, percent, perSecond } from "./format.js";

const PEAK_MS = 60_000;
const seen = new Map(); // by pool: gets last time, and what was leased in the last minute
let server = "";

const rows = new Rows(byId("pools").tBodies[0], (pool) => {
  const bar = new Bar(["leased", "quarantined", "idle"], { cells: true });
  const name = el("th", { scope: "row", role: "rowheader" }, pool.name);
  const told = el("span", { class: "told" });
  const held = el("span", { class: "held" });
  const cells = {
    use: cell("leased", { class: "use" }, told, held),
    rate: cell("borrows/s", { class: "number" }),
    hits: cell("hits", { class: "number" }),
    wait: cell("wait p99", { class: "number" }),
    waiting: cell("waiting", { class: "number" }),
    timeouts: cell("timeouts", { class: "number" }),
    bytes: cell("bytes", { class: "number" }),
  };
  const row = el("tr", { role: "row" }, name, cell("", { class: "wide" }, bar.svg));
  row.append(...Object.values(cells));
  row.dataset.pool = pool.name;
  return { row, update: (now) => update(now, row, bar, cells, told, held) };
});

function update(pool, row, bar, cells, told, held) {
  const { rate, peak } = pool.told;
  const { leased, quarantined, idle, capacity } = pool;
  const label =
    `${pool.name}: ${leased} leased, ${quarantined} quarantined, ${idle} idle of ${capacity}, ` +
    `at most ${peak} leased in the last minute`;
  bar.show([leased, quarantined, idle], capacity, label, Math.max(peak - leased, 0));
  say(told, `${count(leased)} of ${count(capacity)}`);
  say(held, quarantined ? `${count(quarantined)} quarantined` : "");
  mark(cells.use, "title", leased ? `the longest for ${duration(pool.oldest_s)}` : "");
  say(cells.rate, perSecond(rate));
  say(cells.hits, pool.gets ? percent(pool.hit_rate) : NONE);
  say(cells.wait, milliseconds(pool.wait_p99_ms));
  say(cells.waiting, count(pool.waiting));
  say(cells.timeouts, count(pool.timeouts));
  say(cells.bytes, bytes(pool.bytes));
  mark(cells.waiting, "class", pool.waiting ? "number warn" : "number zero");
  mark(cells.timeouts, "class", pool.timeouts ? "number bad" : "number zero");
  mark(cells.rate, "class", rate ? "number" : "number zero");
  mark(cells.wait, "class", pool.wait_p99_ms === null ? "number zero" : "number");
  row.classList.toggle("unused", pool.gets === 0);
}

export function showPools(snapshot) {
  if (snapshot.server.id !== server) seen.clear(); // its counters began anew
  server = snapshot.server.id;
  const pools = snapshot.pools.map((pool) => ({ ...pool, told: followed(pool, snapshot.at_ms) }));
  rows.show(pools, (pool) => pool.name);
}

// What a single look cannot tell: how fast buffers go round, and how many were out at once.
function followed(pool, at) {
  const before = seen.get(pool.name) ?? { gets: pool.gets, at, leased: [] };
  const seconds = (at - before.at) / 1000;
  const rate = seconds > 0 ? Math.max(pool.gets - before.gets, 0) / seconds : 0;
  const leased = before.leased.filter((look) => look.at > at - PEAK_MS);
  leased.push({ at, number: pool.leased });
  seen.set(pool.name, { gets: pool.gets, at, leased });
  return { rate, peak: Math.max(...leased.map((look) => look.number)) };
}
