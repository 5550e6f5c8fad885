// One run of the lab: bots that were sent in to leave in one way, and what became of each.
//
// Data flow: what the server tells of the run, what its bots did, the departures that belong to
// them -> Run -> a card of the feed. It joins nothing itself: ledger.js does.

/** Departures of an entry of the feed that are kept with all that is known of them. */
export const ROWS_MAX = 50;
/** Bots of one run at most, whatever a server says. */
const BOTS_MAX = 1000;

/** A run and its account. */
export class Run {
  /** Told apart from departures that the lab did not cause. */
  kind = 'run';
  /** Changes whenever the run does. */
  version = 0;
  /** As the server tells: `playing`, `leaving`, `over` or `failed`, and what is wrong, if so. */
  state;
  trouble;
  /** Bots that have left, of those how many without ever having had a connection. */
  left = 0;
  unconnected = 0;
  /** How many leaves the server has noted, and how many it will never tell of. */
  noted = 0;
  untold = 0;
  /** When the first bot left, and when the last leave was noted, in ns. */
  firstNs = null;
  lastNs = null;
  /** Leaves by reason and path: `{ reason, path, count, kernel, noticed, done, paragraph }`. */
  groups = new Map();
  /** The first ones in full, as `{ departure, noticedMs }`. */
  rows = [];
  /** What the others felt, once that is known for good. */
  others = null;
  /** Whether it was said what became of it. */
  isJudged = false;
  #noticedMs = [];
  #leftNs = [];
  // The newest of these.
  #newestNs = -Infinity;

  constructor({ number, cause, transport, bots, started_ns: startedNs, ...told }) {
    this.number = number;
    this.cause = cause;
    this.transport = transport;
    this.bots = bots;
    this.atNs = startedNs;
    this.handleTold(told);
  }

  /** What the server tells of it now. */
  handleTold({ state, trouble }) {
    if (state === this.state && trouble === this.trouble) return;
    this.state = state;
    this.trouble = trouble;
    this.version += 1;
  }

  /** A bot of it has left. */
  handleLeft(atNs, address) {
    this.left += 1;
    if (address === null) this.unconnected += 1;
    this.firstNs = Math.min(this.firstNs ?? atNs, atNs);
    this.#newestNs = Math.max(this.#newestNs, atNs);
    if (this.#leftNs.length < BOTS_MAX) this.#leftNs.push(atNs);
    this.version += 1;
  }

  /** The server has noted the leave of a bot that left at `atNs`. */
  handleDeparture(departure, atNs) {
    const { reason, path, kernel, noticed, done, paragraph, left_at_ns: leftNs } = departure;
    const noticedMs = (leftNs - atNs) / 1e6;
    const key = `${reason}/${path}`;
    const group = this.groups.get(key)
      ?? { reason, path, count: 0, kernel, noticed, done, paragraph };
    group.count += 1;
    this.groups.set(key, group);
    this.noted += 1;
    this.lastNs = Math.max(this.lastNs ?? leftNs, leftNs);
    if (this.rows.length < ROWS_MAX) this.rows.push({ departure, noticedMs });
    if (this.#noticedMs.length < BOTS_MAX) this.#noticedMs.push(noticedMs);
    this.version += 1;
  }

  /** The server will not tell any more what became of one of its bots. */
  giveUp() {
    this.untold += 1;
    this.version += 1;
  }

  /** Bots that have left and that the server still believes in. */
  get awaited() {
    return this.left - this.unconnected - this.noted - this.untold;
  }

  /** Whether something may still happen. */
  get isOut() {
    return this.state === 'playing' || this.state === 'leaving' || this.awaited > 0;
  }

  /** How long it took to notice: the fastest, the median and the slowest, in ms; or `null`. */
  get times() {
    if (this.#noticedMs.length === 0) return null;
    const sorted = this.#noticedMs.toSorted((one, other) => one - other);
    const median = sorted[Math.ceil(sorted.length / 2) - 1];
    return { fastestMs: sorted[0], medianMs: median, slowestMs: sorted.at(-1) };
  }

  /** From the first bot that left to the last leave that was noted, in ns; or `null`. */
  span(nowNs) {
    if (this.firstNs === null) return null;
    const endNs = this.isOut ? nowNs : Math.max(this.lastNs ?? 0, this.#newestNs);
    return { fromNs: this.firstNs, toNs: endNs };
  }

  /** Times at which its bots left, after `fromNs`. */
  marks(fromNs) {
    if (this.#newestNs <= fromNs) return [];
    return this.#leftNs.filter((atNs) => atNs > fromNs).map((atNs) => ({ atNs, isOurs: true }));
  }
}
