// How the server's ticks fared between two looks at it: its own figures, not the browser's.
//
// Data flow: the cumulative counts of every answer -> Vitals -> differences over any time that is
// remembered. A bucket says how many ticks were not later than so much, so a lateness is known to
// a bucket and no better. It has no clock: times are the server's, in ns.

/** For how long looks are remembered, in ns, and how many at most. */
const KEPT_NS = 240e9;
const KEPT_MAX = 1200;

/** The last looks at a server's ticks, oldest first. */
export class Vitals {
  #looks = [];

  /** Takes the counts of an answer. */
  handleAnswer(nowNs, { total, missed, late_buckets: late, work_buckets: work }) {
    this.#looks.push({ nowNs, total, missed, late, work });
    const isOld = ({ nowNs: thenNs }) => thenNs < nowNs - KEPT_NS;
    while (this.#looks.length > KEPT_MAX || isOld(this.#looks[0])) this.#looks.shift();
  }

  /** Forgets everything: it is another server. */
  clear() {
    this.#looks = [];
  }

  /**
   * What happened from `fromNs` to `toNs`, and a little before and after that: how many `ticks`,
   * how many were `missed`, how late the latest was (`lateMs`, or more than that if `isBeyond`),
   * and in the same way how long the longest worked (`workMs`). `null` if nobody looked.
   */
  between(fromNs, toNs) {
    const before = this.#looks.findLast(({ nowNs }) => nowNs <= fromNs);
    const after = this.#looks.find(({ nowNs }) => nowNs >= toNs) ?? this.#looks.at(-1);
    if (before === undefined || after.nowNs <= before.nowNs) return null;
    const late = worst(difference(before.late, after.late));
    const work = worst(difference(before.work, after.work));
    return {
      ticks: after.total - before.total, missed: after.missed - before.missed,
      lateMs: late.ms, isBeyond: late.isBeyond, workMs: work.ms, isWorkBeyond: work.isBeyond,
    };
  }

  /** The same of the last so many seconds, or of as many as are remembered. */
  last(seconds) {
    if (this.#looks.length < 2) return null;
    const toNs = this.#looks.at(-1).nowNs;
    return this.between(Math.max(this.#looks[0].nowNs, toNs - seconds * 1e9), toNs);
  }
}

/** What was counted between two states of the same buckets, of `[seconds, count]`, cumulative. */
export function difference(before, after) {
  const known = new Map(before);
  return after.map(([seconds, number]) => [seconds, number - (known.get(seconds) ?? 0)]);
}

/**
 * The bound, in ms, that this share of the counted keeps; above the last bound `isBeyond` is true
 * and `ms` is that bound. Zero if nothing was counted.
 */
export function quantile(buckets, share) {
  const total = Math.max(0, ...buckets.map(([, number]) => number));
  if (total === 0) return { ms: 0, isBeyond: false };
  const [seconds] = buckets.find(([, number]) => number >= share * total);
  if (seconds !== null) return { ms: seconds * 1000, isBeyond: false };
  const bounds = buckets.map(([bound]) => bound ?? 0);
  return { ms: Math.max(...bounds) * 1000, isBeyond: true };
}

/** The bound, in ms, that all of the counted keep. */
export function worst(buckets) {
  return quantile(buckets, 1);
}
