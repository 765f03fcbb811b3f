// A call over WebSocket that is kept open: lost, it is opened again; refused, it says why.

import { decode, encode } from "./wire.js";

const RETRIES_S = [0.5, 1, 2, 4];
const OK = 0;
const UNAVAILABLE = 14;
const RESOURCE_EXHAUSTED = 8;
const ALREADY_EXISTS = 6;
const TOO_LARGE = 1009; // a close code

export const CALLS = {
  process: { path: "ws/process", sent: "ProcessStreamRequest", got: "ProcessStreamResponse" },
  subscribe: { path: "ws/subscribe", sent: "SubscribeRequest", got: "SubscribeResponse" },
};

// told.opened(call): send the first message. told.message(message). told.state(name, status):
// "connecting", "live", "lost" (it is tried again), "ended" (it is not). A status has code, reason
// and message, as the server gave it.
export class Call {
  #kind;
  #told;
  #socket = null;
  #status = null; // the server's last word
  #failures = 0;
  #hasLived = false;
  #retry = 0;

  constructor(kind, told) {
    this.#kind = kind;
    this.#told = told;
  }

  start() {
    this.stop();
    this.#hasLived = false;
    this.#failures = 0;
    this.#open();
  }

  stop() {
    clearTimeout(this.#retry);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  send(value) {
    if (this.#socket?.readyState === WebSocket.OPEN)
      this.#socket.send(encode(this.#kind.sent, value));
  }

  // Nothing more is sent: the server answers what it has, and ends the call.
  end() {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send("");
  }

  // Bytes that were given to the browser and have not left it.
  get waiting() {
    return this.#socket?.bufferedAmount ?? 0;
  }

  #open() {
    const socket = new WebSocket(new URL(this.#kind.path, document.baseURI));
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#status = null;
    this.#told.state("connecting");
    const ours = (listener) => (event) => {
      if (socket === this.#socket) listener(event);
    };
    socket.addEventListener("open", ours(() => this.#told.opened(this)));
    socket.addEventListener("message", ours(({ data }) => this.#message(data)));
    socket.addEventListener("close", ours((event) => this.#closed(event)));
  }

  #message(data) {
    if (typeof data === "string") {
      this.#status = JSON.parse(data);
      return;
    }
    this.#live();
    this.#told.message(decode(this.#kind.got, new Uint8Array(data)));
  }

  #live() {
    if (this.#hasLived && !this.#failures) return;
    this.#hasLived = true;
    this.#failures = 0;
    this.#told.state("live");
  }

  async #closed(event) {
    const socket = this.#socket;
    const status = this.#status ?? (await whyClosed(event, this.#kind.path));
    if (status.code === OK) status.reason = "LOST";
    if (socket !== this.#socket) return;
    if (!this.#isWorthAnother(status)) {
      this.#socket = null;
      this.#told.state("ended", status);
      return;
    }
    const restS = RETRIES_S[Math.min(this.#failures, RETRIES_S.length - 1)];
    this.#failures += 1;
    this.#told.state("lost", status);
    this.#retry = setTimeout(() => this.#open(), 1000 * Math.max(restS, status.retry_after_s ?? 0));
  }

  #isWorthAnother({ code }) {
    // A name that we had is still held by ourselves, until the server notices.
    if (code === ALREADY_EXISTS) return this.#hasLived;
    return [OK, UNAVAILABLE, RESOURCE_EXHAUSTED].includes(code); // OK: a server that stops says so
  }
}

// A browser does not tell why it was not let in; the same address, asked in HTTP, does.
async function whyClosed({ code, reason }, path) {
  if (code === TOO_LARGE) return { code: 3, reason: "TOO_LARGE", message: reason };
  try {
    const answer = await fetch(path, { cache: "no-store" });
    if (answer.status === 401) return { code: 16, reason: "LOGIN", message: "" };
    if (answer.status === 503) return { code: UNAVAILABLE, reason: "FULL", message: await answer.text() };
    if (answer.status === 404) return { code: 12, reason: "OFF", message: await answer.text() };
  } catch {
    // nobody there
  }
  return { code: UNAVAILABLE, reason: "LOST", message: "" };
}
