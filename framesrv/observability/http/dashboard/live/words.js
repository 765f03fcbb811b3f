// What went wrong, for people. What the server wrote itself stands behind it.

import { el } from "../dom.js";

const WORDS = {
  LOST: "The server cannot be reached.",
  FULL: "The server has no room for another browser now.",
  OFF: "This server does not serve browsers.",
  LOGIN: "The server asks who you are.",
  DRAINING: "The server is about to stop.",
  STREAM_TAKEN: "Somebody else publishes a stream of this name.",
  TOO_MANY_STREAMS: "The server has as many streams open as it allows.",
  UNKNOWN_STREAM: "Nobody publishes a stream of this name.",
  SLOW_CONSUMER: "This browser was too slow to take the pictures.",
  TOO_LARGE: "The picture is larger than the server takes.",
  IMAGE_TOO_LARGE: "The picture has more pixels than the server takes.",
  IMAGE_CORRUPT: "The server could not read the picture.",
  UNKNOWN_PIPELINE: "The server has no pipeline of this name.",
  BAD_PIPELINE: "The server cannot do these operations.",
  BAD_GEOMETRY: "An operation does not fit this picture.",
  BAD_CONFIG: "The stream cannot be opened like this.",
  QUEUE_FULL: "The server has too much to do.",
  POOL_TIMEOUT: "The server has too much to do.",
  MEMORY_BUDGET: "The server has no memory left for this.",
  DEADLINE: "It took too long.",
  DROPPED_BY_POLICY: "Dropped: others were to go first, as the drop policy has it.",
  TOO_OLD: "Dropped: it had waited too long.",
  PROCESSOR_FAILED: "An operation of the server's operator failed.",
  INTERNAL: "The server has made a mistake.",
};

export const words = ({ reason }) => WORDS[reason] ?? "The server refused.";

export function explained(status) {
  const parts = [el("strong", {}, words(status))];
  if (status.message) parts.push(` ${sentence(status.message.trim())}`);
  if (status.reason === "LOGIN") parts.push(" ", el("a", { href: "login" }, "Log in"));
  if (/^[A-Z_]+$/.test(status.reason)) parts.push(" ", el("code", {}, status.reason));
  return parts;
}

const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
