// Which server this is, how it is, and whether we still hear it.

import { byId, mark, say } from "./dom.js";
import { ago, clock, duration } from "./format.js";

const RESTART_SHOWN_MS = 300_000;
const STATES = { starting: "Starting", ready: "Ready", draining: "Draining", stopped: "Stopped" };

let id = "";
let restartedAt = 0;

export function showServer({ server, at_ms: at }) {
  if (id && server.id !== id) restartedAt = server.started_at_ms;
  id = server.id;
  say(byId("version"), server.version);
  say(byId("state"), STATES[server.state] ?? server.state);
  mark(byId("state"), "data-state", server.state);
  say(byId("uptime"), duration((at - server.started_at_ms) / 1000));
  mark(byId("uptime"), "title", `since ${clock(server.started_at_ms)}`);
  say(byId("workers"), `${server.workers}`);
  say(byId("python"), server.python);
  say(byId("debug"), server.debug);
  byId("pages").hidden = !server.websocket;
  const sinceMs = at - restartedAt;
  const isNew = restartedAt > 0 && sinceMs < RESTART_SHOWN_MS;
  say(byId("restarted"), isNew ? `the server was restarted at ${clock(restartedAt)}` : "");
}

const LINES = {
  connecting: () => "connecting",
  live: () => "live",
  lost: (since) => `reconnecting, nothing heard for ${ago(Date.now() - since).replace(" ago", "")}`,
  full: () => "as many dashboards are open as this server allows; trying again",
  login: () => "the login has ended:",
};

// For those who hear the page: a change is told once, and not each second how long ago it was.
const TOLD = { live: "connected again", lost: "the connection is lost", login: "the login has ended" };
let heardBefore = false;

export function showConnection(state, since) {
  heardBefore ||= state === "lost";
  if (heardBefore) say(byId("announcement"), TOLD[state] ?? "");
  const line = byId("connection");
  mark(line, "data-state", state);
  say(byId("connection-text"), LINES[state](since));
  byId("login").hidden = state !== "login";
  document.documentElement.dataset.connection = state; // old numbers are shown paler
}
