// The witness's pulse: how long it waits from one snapshot to the next, as any player would.
//
// Data flow: the arrival of each snapshot of an ordinary client -> Pulse -> waits, the worst of
// any time, a line to draw. What a hidden tab or a lost connection does to a wait says nothing
// about the server, and is not judged. No clock runs here: times are the page's, in ms.

/** Over this time the figures are made, and the chart is as long, in ms. */
export const WINDOW_MS = 30_000;
/** For how long waits are remembered, in ms, and how many at most. */
const KEPT_MS = 240_000;
const KEPT_MAX = 20_000;
/** A tab that was hidden needs this long until its times can be believed again, in ms. */
const SETTLE_MS = 1000;
const LOSSES_MAX = 50;

/** The waits of one witness, over all its connections. */
export class Pulse {
  /** Between two ticks of the witness's room, in ms; `null` before it plays, or without ticks. */
  periodMs = null;
  // { atMs, waitedMs }, oldest first: snapshots of which the wait can be judged.
  #waits = [];
  // When connections were lost, in ms, oldest first.
  #losses = [];
  // The last snapshot of this connection, if the next one can be judged.
  #lastMs = null;
  #settledMs = -Infinity;
  #isHidden = false;

  /** The witness has a seat, in a room with so many ticks per second. */
  begin(tickHz) {
    this.periodMs = tickHz > 0 ? 1000 / tickHz : null;
  }

  /** The witness's connection is lost. */
  lose(nowMs) {
    if (this.#lastMs !== null) this.#losses = [...this.#losses, nowMs].slice(-LOSSES_MAX);
    this.#lastMs = null;
  }

  /** The tab is not seen any more: its timers are slowed down, and its times are worth nothing. */
  hide() {
    this.#isHidden = true;
    this.#lastMs = null;
  }

  /** The tab is seen again. */
  show(nowMs) {
    this.#isHidden = false;
    this.#settledMs = nowMs + SETTLE_MS;
  }

  /** A snapshot came. */
  handleSnapshot(nowMs) {
    if (this.#isHidden || nowMs < this.#settledMs) return;
    if (this.#lastMs !== null) this.#waits.push({ atMs: nowMs, waitedMs: nowMs - this.#lastMs });
    this.#lastMs = nowMs;
    const oldMs = nowMs - KEPT_MS;
    if (this.#waits.length > KEPT_MAX || this.#waits[0]?.atMs < oldMs) this.#waits.shift();
  }

  /**
   * What is waited for right now, if it is longer than two periods: as long as nothing comes,
   * nothing else tells of it. 0 otherwise, in ms.
   */
  openMs(nowMs) {
    if (this.#lastMs === null || this.periodMs === null) return 0;
    const waitedMs = nowMs - this.#lastMs;
    return waitedMs > 2 * this.periodMs ? waitedMs : 0;
  }

  /** Over the last 30 s: the last wait, the worst, and what 99 of 100 kept, in ms; or `null`. */
  summary(nowMs) {
    const waits = this.waits(nowMs).map(({ waitedMs }) => waitedMs);
    if (waits.length === 0) return null;
    const sorted = waits.toSorted((one, other) => one - other);
    const p99Ms = sorted[Math.ceil(sorted.length * 0.99) - 1];
    const worstMs = Math.max(sorted.at(-1), this.openMs(nowMs));
    return { lastMs: waits.at(-1), p99Ms, worstMs, count: waits.length };
  }

  /** The longest wait that was, at least in part, between two times, in ms; or `null`. */
  worstBetween(fromMs, toMs) {
    const within = this.#waits.filter(({ atMs, waitedMs }) =>
      atMs >= fromMs && atMs - waitedMs <= toMs);
    const open = this.#lastMs !== null && this.#lastMs <= toMs ? this.openMs(toMs) : 0;
    if (within.length === 0) return open > 0 ? open : null;
    return Math.max(open, ...within.map(({ waitedMs }) => waitedMs));
  }

  /** How often the connection was lost between two times. */
  lossesBetween(fromMs, toMs) {
    return this.#losses.filter((atMs) => atMs >= fromMs && atMs <= toMs).length;
  }

  /** The waits of the last 30 s, oldest first. */
  waits(nowMs) {
    return this.#waits.filter(({ atMs }) => atMs > nowMs - WINDOW_MS);
  }
}
