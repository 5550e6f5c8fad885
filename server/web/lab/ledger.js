// What the server tells of leaves, joined with what the lab's bots did, as a feed of events.
//
// Data flow: each answer of the server -> Ledger -> entries for feed.js, counts for
// tables.js, and from where the next answer is to go on. A bot that left, and the departure
// that the server noted, have the address in common; either may be told first, and an address may
// be used again later. It has no clock: times are the server's, in ns.

import { ROWS_MAX, Run } from './run.js';

/** Entries of the feed. */
const ENTRIES_MAX = 200;
/** The server may note a leave this much before the bot says that it has left. */
const EARLY_NS = 1e9;
/** A departure waits so long for a bot of the lab to claim it, while there are any. */
const HOLD_NS = 2e9;
/** What nobody has claimed, or what the server has not noted, is forgotten after this. */
const PATIENCE_NS = 180e9;
const UNCLAIMED_MAX = 1000;

/** Everything that is known of one server since the page knows it. */
export class Ledger {
  /** The feed, newest first: runs of the lab (`Run`), and departures that it did not cause. */
  entries = [];
  /** Leaves by reason and path: `{ reason, path, paragraph, seen, total }`, `seen` by this page. */
  counts = new Map();
  /** The server's first "now", and when it was started. */
  openedNs = null;
  startedNs = null;
  /** Departures that the server had forgotten before they could be told. */
  forgotten = 0;
  /** How many there were in all. */
  total = 0;
  #after = 0;
  #leftAfter = 0;
  #runs = new Map();
  // What bots did and the server has not noted yet, by address: `{ run, atNs, address }`.
  #lefts = new Map();
  // Departures that no bot has claimed: `{ departure, entry }`, the entry once it is shown.
  #unclaimed = [];

  /** What the next request must say. */
  get cursors() {
    return { after: this.#after, leftAfter: this.#leftAfter };
  }

  /**
   * Takes an answer. `false` says that it is of another server than the answers before: everything
   * must begin anew, with a new ledger.
   */
  handleAnswer(answer) {
    if (this.startedNs !== null && answer.started_ns !== this.startedNs) return false;
    this.startedNs = answer.started_ns;
    this.openedNs ??= answer.now_ns;
    this.forgotten += answer.departures_forgotten;
    this.total = answer.departures_total;
    // First of all: what throws below is not asked for, nor counted, a second time.
    this.#after = answer.next;
    this.#leftAfter = answer.left_next;
    for (const told of answer.runs) this.#handleRun(told);
    for (const left of answer.left) this.#handleLeft(left);
    for (const departure of answer.departures) this.#handleDeparture(departure);
    this.#settle(answer.now_ns, answer.next >= answer.departures_total);
    return true;
  }

  /** The run of the lab to which an address belongs that has left and is not noted, if any. */
  runOf(address) {
    return this.#lefts.get(address)?.at(-1)?.run ?? null;
  }

  /** Times, in ns, at which somebody left after `fromNs`: `{ atNs, isOurs }`. */
  marks(fromNs) {
    return this.entries.flatMap((entry) => entry.marks(fromNs));
  }

  #handleRun(told) {
    const known = this.#runs.get(told.number);
    if (known !== undefined) return known.handleTold(told);
    const run = new Run(told);
    this.#runs.set(told.number, run);
    this.#insert(run);
  }

  #handleLeft({ run: number, address, at_ns: atNs }) {
    const run = this.#runs.get(number);
    if (run === undefined) return;
    run.handleLeft(atNs, address);
    if (address === null) return;
    const left = { run, atNs, address };
    const claimed = this.#unclaimed
      .filter(({ departure }) => departure.address === address
        && departure.left_at_ns >= atNs - EARLY_NS)
      .toSorted((one, other) => one.departure.left_at_ns - other.departure.left_at_ns)[0];
    if (claimed === undefined) {
      this.#lefts.set(address, [...this.#lefts.get(address) ?? [], left]);
      return;
    }
    this.#unclaimed.splice(this.#unclaimed.indexOf(claimed), 1);
    if (claimed.entry?.remove(claimed.departure)) {
      this.entries = this.entries.filter((entry) => entry !== claimed.entry);
    }
    run.handleDeparture(claimed.departure, atNs);
  }

  #handleDeparture(departure) {
    this.#count(departure);
    const { address, left_at_ns: atNs } = departure;
    const lefts = this.#lefts.get(address) ?? [];
    const left = lefts.filter((one) => one.atNs <= atNs + EARLY_NS)
      .reduce((best, one) => (best === null || one.atNs > best.atNs ? one : best), null);
    if (left === null) {
      this.#unclaimed.push({ departure, entry: null });
      return;
    }
    this.#forget(left);
    left.run.handleDeparture(departure, left.atNs);
  }

  #count({ reason, path, paragraph, left_at_ns: atNs }) {
    const key = `${reason}/${path}`;
    const count = this.counts.get(key) ?? { reason, path, paragraph, seen: 0, total: 0 };
    count.total += 1;
    if (atNs >= this.openedNs) count.seen += 1;
    this.counts.set(key, count);
  }

  // Shows what nobody claims, and forgets what nobody asks for any more.
  #settle(nowNs, isToldAll) {
    const isClaimable = [...this.#runs.values()].some((run) => run.isOut);
    // So many of the first are forgotten below, and must be seen before.
    const surplus = this.#unclaimed.length - UNCLAIMED_MAX;
    this.#unclaimed.forEach((one, index) => {
      const isHeld = isClaimable && nowNs - one.departure.left_at_ns <= HOLD_NS;
      if (one.entry === null && (!isHeld || index < surplus)) {
        one.entry = this.#show(one.departure);
      }
    });
    const isFresh = ({ departure, entry }) =>
      entry === null || nowNs - departure.left_at_ns < PATIENCE_NS;
    this.#unclaimed = this.#unclaimed.filter(isFresh).slice(-UNCLAIMED_MAX);
    // The bots of a run that is over were let go: who is not told of now, never will be, if the
    // server has forgotten some.
    const isForgotten = ({ run, atNs }) => this.forgotten > 0 && nowNs - atNs > HOLD_NS
      && (run.state === 'over' || run.state === 'failed');
    for (const left of [...this.#lefts.values()].flat()) {
      if (isToldAll && (isForgotten(left) || nowNs - left.atNs > PATIENCE_NS)) {
        left.run.giveUp();
        this.#forget(left);
      }
    }
  }

  #forget(left) {
    const others = this.#lefts.get(left.address).filter((one) => one !== left);
    if (others.length > 0) this.#lefts.set(left.address, others);
    else this.#lefts.delete(left.address);
  }

  #show(departure) {
    const older = this.entries.findIndex(({ atNs }) => atNs <= departure.left_at_ns);
    const folded = this.entries[older];
    if (folded instanceof Others && folded.take(departure)) return folded;
    const entry = new Others(departure);
    this.#insert(entry);
    return entry;
  }

  #insert(entry) {
    const older = this.entries.findIndex(({ atNs }) => atNs <= entry.atNs);
    this.entries.splice(older === -1 ? this.entries.length : older, 0, entry);
    const dropped = this.entries.splice(ENTRIES_MAX);
    for (const one of dropped) if (one instanceof Run) this.#drop(one);
  }

  #drop(run) {
    this.#runs.delete(run.number);
    for (const left of [...this.#lefts.values()].flat()) if (left.run === run) this.#forget(left);
  }
}

/** Departures that the lab did not cause, one after the other with the same reason and path. */
export class Others {
  /** Told apart from a run. */
  kind = 'others';
  /** Changes whenever the entry does. */
  version = 0;
  /** How many there are. */
  count = 0;
  /**
   * The last ones, oldest first; none if bots have claimed all that are kept, while others are
   * still counted.
   */
  departures = [];
  /** What the server says of the last one: `{ kernel, noticed, done, paragraph }`. */
  account;
  /** When the last one left, in ns. */
  atNs;

  constructor(departure) {
    this.reason = departure.reason;
    this.path = departure.path;
    this.atNs = departure.left_at_ns;
    this.take(departure);
  }

  /** Takes a departure if it is of the same kind; whether it is. */
  take(departure) {
    if (departure.reason !== this.reason || departure.path !== this.path) return false;
    this.departures = [...this.departures, departure].slice(-ROWS_MAX);
    const { kernel, noticed, done, paragraph } = departure;
    this.account = { kernel, noticed, done, paragraph };
    this.atNs = Math.max(this.atNs, departure.left_at_ns);
    this.count += 1;
    this.version += 1;
    return true;
  }

  /** Takes a departure out again, because a bot has claimed it; whether none is left. */
  remove(departure) {
    this.departures = this.departures.filter((one) => one !== departure);
    this.count -= 1;
    this.version += 1;
    return this.count === 0;
  }

  /** Times of its departures after `fromNs`. */
  marks(fromNs) {
    return this.departures.filter(({ left_at_ns: atNs }) => atNs > fromNs)
      .map(({ left_at_ns: atNs }) => ({ atNs, isOurs: false }));
  }
}
