// The configuration that holds, and the most memory it can take; asked for when it is opened.

import { byId, el } from "./dom.js";
import { bytes } from "./format.js";

const details = byId("configuration");
let server = "";
let shown = "";

export function noticeServer(id) {
  server = id;
  if (details.open) load();
}

details.addEventListener("toggle", () => {
  if (details.open) load();
});

async function load() {
  if (shown === server || !server) return;
  const asked = server;
  shown = asked;
  try {
    const answer = await fetch("api/config", { cache: "no-store" });
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    show(await answer.json());
  } catch (error) {
    shown = "";
    byId("settings").replaceChildren(el("p", {}, `The configuration cannot be read: ${error.message}`));
  }
}

function show(config) {
  const rooms = new Map();
  for (const setting of config.settings) {
    const [room, name] = split(setting.name);
    if (!rooms.has(room)) rooms.set(room, []);
    rooms.get(room).push({ ...setting, name });
  }
  byId("settings").replaceChildren(...[...rooms].map(([room, settings]) => table(room, settings)));
  showWorstCase(config);
}

const split = (name) => {
  const dot = name.lastIndexOf(".");
  return dot < 0 ? ["general", name] : [name.slice(0, dot), name.slice(dot + 1)];
};

function table(room, settings) {
  const rows = settings.map(({ name, value, origin }) => {
    const isSet = origin !== "default";
    return el(
      "tr",
      isSet ? { class: "set" } : {},
      el("th", { scope: "row" }, name),
      el("td", {}, written(name, value)),
      el("td", { class: "origin" }, origin),
    );
  });
  return framed(room, ["setting", "value", "from"], rows);
}

function showWorstCase({ pools, elastic_bytes: elastic, budget_bytes: budget }) {
  const row = (name, number, attributes = {}) =>
    el("tr", attributes, el("th", { scope: "row" }, name), el("td", { class: "number" }, bytes(number)));
  const rows = pools.map((pool) => row(pool.name, pool.bytes));
  rows.push(row("pictures of any size", elastic), row("together, the budget", budget, { class: "sum" }));
  byId("worst-case").replaceChildren(framed("Most memory that the pools can take", ["pool", "at most"], rows));
}

function framed(caption, heads, rows) {
  const head = heads.map((text) => el("th", { scope: "col" }, text));
  return el(
    "table",
    { class: "plain" },
    el("caption", {}, caption),
    el("thead", { class: "sr" }, el("tr", {}, ...head)),
    el("tbody", {}, ...rows),
  );
}

const UNITS = { _s: "s", _bytes: "bytes", _frames: "frames", _pixels: "pixels" };

// A number with the unit that its name ends with, since units are always shown.
function written(name, value) {
  if (value === null || value === "") return "not set";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const unit = UNITS[name.match(/_[a-z]+$/)?.[0]];
  if (unit === undefined || !/^[0-9.]+$/.test(text)) return text;
  return unit === "bytes" && Number(text) >= 1024 ? `${text} (${bytes(Number(text))})` : `${text} ${unit}`;
}
