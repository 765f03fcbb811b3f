// How many came a second, over the last few; and how far behind the quickest of them the last one is.

const SPAN_MS = 3000;

export class Rate {
  #times = [];
  #since = performance.now();

  count() {
    const now = performance.now();
    this.#times.push(now);
    this.#forget(now);
  }

  get perSecond() {
    const now = performance.now();
    this.#forget(now);
    return (1000 * this.#times.length) / Math.max(Math.min(SPAN_MS, now - this.#since), 1000);
  }

  #forget(now) {
    while (this.#times[0] < now - SPAN_MS) this.#times.shift();
  }
}

// Two clocks differ by we know not what; the quickest frame so far is taken for one without delay.
export class Lag {
  #least = Infinity;
  ms = null;

  count(atNs) {
    if (!atNs) return;
    const taken = Date.now() - atNs / 1e6;
    this.#least = Math.min(this.#least, taken);
    this.ms = taken - this.#least;
  }
}
