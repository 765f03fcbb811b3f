// The machine at work: what is in flight, how busy, memory, and latency stage by stage.

import { Bar } from "./bar.js";
import { byId, cell, el, mark, Rows, say, svg } from "./dom.js";
import { bytes, count, milliseconds, percent } from "./format.js";

const busy = new Bar(["leased"]);
const pools = new Bar(["leased"]);
byId("busy").closest("dd").append(busy.svg);
byId("memory-pools").closest("dd").append(pools.svg);

const rows = new Rows(byId("stages").tBodies[0], (stage) => {
  const span = svg("svg", { class: "spread", role: "img", width: "100%", height: 14 });
  const parts = {
    track: svg("rect", { class: "track", y: 6, width: "100%", height: 2 }),
    p50: svg("rect", { class: "p50", y: 2, height: 10 }),
    p95: svg("rect", { class: "p95", y: 4, height: 6 }),
    p99: svg("rect", { class: "p99", y: 1, width: 2, height: 12 }),
  };
  span.append(...Object.values(parts));
  const cells = {
    p50: cell("p50", { class: "number" }),
    p95: cell("p95", { class: "number" }),
    p99: cell("p99", { class: "number" }),
  };
  const name = el("th", { scope: "row", role: "rowheader" }, stage.name);
  const row = el("tr", { role: "row" }, name, cell("", { class: "wide" }, span));
  row.append(...Object.values(cells));
  row.dataset.stage = stage.name;
  return { row, update: (now) => updateStage(now, span, parts, cells) };
});

function updateStage(stage, span, parts, cells) {
  for (const [quantile, place] of Object.entries(cells))
    say(place, milliseconds(stage[`${quantile}_ms`]));
  const at = (value) => (100 * (value ?? 0)) / stage.longest;
  const [p50, p95, p99] = [at(stage.p50_ms), at(stage.p95_ms), at(stage.p99_ms)];
  mark(parts.p50, "width", `${p50}%`);
  mark(parts.p95, "x", `${p50}%`);
  mark(parts.p95, "width", `${Math.max(p95 - p50, 0)}%`);
  mark(parts.p99, "x", `${Math.min(p99, 99)}%`);
  mark(parts.p99, "visibility", p99 ? "visible" : "hidden");
  const told = Object.keys(cells).map((name) => `${name} ${milliseconds(stage[`${name}_ms`])}`);
  mark(span, "aria-label", `${stage.name}: ${told.join(", ")}`);
}

export function showMachine(snapshot) {
  const { in_flight: flight, memory, gc, point, totals } = snapshot;
  say(byId("flight-frames"), count(flight.frames));
  say(byId("flight-bytes"), bytes(flight.bytes));
  say(byId("busy"), percent(point.busy));
  busy.show([point.busy], 1, `workers ${percent(point.busy)} busy`);
  say(byId("gc"), milliseconds(gc.p99_ms));
  say(byId("memory-pools"), bytes(memory.pools_bytes));
  say(byId("memory-budget"), bytes(memory.budget_bytes));
  say(byId("memory-resident"), bytes(memory.resident_bytes));
  const share = memory.budget_bytes ? memory.pools_bytes / memory.budget_bytes : 0;
  pools.show([share], 1, `pools hold ${percent(share)} of their budget`);
  for (const name of ["ok", "failed", "dropped"]) say(byId(`total-${name}`), count(totals[name]));
  say(byId("total-refused"), count(totals.refused_calls));
  showStages(snapshot.stages);
}

function showStages(stages) {
  const listed = Object.entries(stages).map(([name, stage]) => ({ name, ...stage }));
  const longest = Math.max(...listed.map((stage) => stage.p99_ms ?? 0), 0.1);
  rows.show(
    listed.map((stage) => ({ ...stage, longest })),
    (stage) => stage.name,
  );
}
