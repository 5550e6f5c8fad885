// The server's clock, as the page can know it.
//
// Data flow: the server's "now" in an answer, and when the page asked and heard -> Clock -> the
// page's time of anything that the server tells. The quickest of the last answers is believed
// most: its "now" can be wrong by half of its round trip at most.

/** Answers that are remembered: about ten seconds of them. */
const KEPT_MAX = 40;

/** The difference between the server's clock, in ns, and the page's own, in ms. */
export class Clock {
  #answers = [];

  /** Takes the server's clock in an answer that was asked for and heard at these times. */
  handleAnswer(serverNs, askedMs, heardMs) {
    const offsetMs = (askedMs + heardMs) / 2 - serverNs / 1e6;
    this.#answers.push({ roundTripMs: heardMs - askedMs, offsetMs });
    if (this.#answers.length > KEPT_MAX) this.#answers.shift();
  }

  /** Forgets everything: it is another server. */
  clear() {
    this.#answers = [];
  }

  /** The page's time, in ms, of a time of the server; `null` before the first answer. */
  toMs(serverNs) {
    if (this.#answers.length === 0) return null;
    const best = this.#answers.reduce((one, other) =>
      (other.roundTripMs < one.roundTripMs ? other : one));
    return serverNs / 1e6 + best.offsetMs;
  }

  /** The server's time, in ns, of a time of the page; `null` before the first answer. */
  toNs(pageMs) {
    const zeroMs = this.toMs(0);
    return zeroMs === null ? null : (pageMs - zeroMs) * 1e6;
  }
}
