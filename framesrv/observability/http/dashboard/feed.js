// The one connection to the server: an EventSource that survives restarts and sleeps when hidden.

const QUIET_MS = 4000; // snapshots come once a second
const DEAD_MS = 15000; // an open connection that says nothing for so long is given up
const RETRY_MS = 2000;

// state(name, since): "connecting", "live", "lost"; or why it will not let us in: "login", "full".
export class Feed {
  #tell;
  #source = null;
  #heardAt = Date.now();
  #lostAt = Date.now();
  #state = "";
  #retry = 0;

  constructor(tell) {
    this.#tell = tell; // { history(points), snapshot(snapshot), state(name, since) }
  }

  start() {
    document.addEventListener("visibilitychange", () => this.#shownOrHidden());
    setInterval(() => this.#watch(), 1000);
    this.#become("connecting");
    this.#shownOrHidden();
  }

  // Nobody looks at a hidden tab. What it misses comes with the history when it is shown again.
  #shownOrHidden() {
    if (document.hidden) this.#close();
    else this.#open();
  }

  #open() {
    this.#close();
    this.#heardAt = Date.now();
    const source = new EventSource("api/events");
    source.addEventListener("history", (event) => {
      this.#heard();
      this.#tell.history(JSON.parse(event.data).points);
    });
    source.addEventListener("snapshot", (event) => {
      this.#heard();
      this.#tell.snapshot(JSON.parse(event.data));
    });
    source.addEventListener("error", () => this.#failed(source));
    this.#source = source;
  }

  #close() {
    clearTimeout(this.#retry);
    this.#source?.close();
    this.#source = null;
  }

  #heard() {
    this.#heardAt = Date.now();
    this.#become("live");
  }

  // The browser tries again by itself, unless the server answered with a refusal.
  async #failed(source) {
    if (source !== this.#source) return;
    const refused = source.readyState === EventSource.CLOSED;
    if (!refused) return this.#become("lost");
    this.#become(await whyRefused());
    if (source !== this.#source) return;
    this.#retry = setTimeout(() => this.#open(), RETRY_MS);
  }

  #watch() {
    if (this.#source === null) return;
    const quietMs = Date.now() - this.#heardAt;
    if (quietMs > DEAD_MS && this.#source.readyState === EventSource.OPEN) this.#open();
    if (quietMs > QUIET_MS && this.#state === "live") this.#become("lost");
    this.#tell.state(this.#state, this.#lostAt); // how long ago, anew
  }

  #become(state) {
    if (state === this.#state) return;
    if (this.#state === "live") this.#lostAt = this.#heardAt;
    this.#state = state;
    this.#tell.state(state, this.#lostAt);
  }
}

// An EventSource does not tell; a question of another kind is answered with the same refusal, or,
// where only the endless answers are too many, not refused.
async function whyRefused() {
  try {
    const answer = await fetch("api/snapshot", { cache: "no-store" });
    if (answer.ok) return "full";
    return answer.status === 401 ? "login" : "lost";
  } catch {
    return "lost"; // nobody there
  }
}
