// The words of the lab page: times, sizes and counts as people read them.
//
// Data flow: numbers of ledger.js, vitals.js and pulse.js -> here -> text. It knows no
// page and no clock.

/** Below this many milliseconds, something was noticed at once. */
const AT_ONCE_MS = 0.1;

/** A time, from milliseconds, with about three digits. */
export function duration(ms) {
  if (ms === 0) return '0 ms';
  if (ms < 1) return `${ms.toFixed(2)} ms`;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** How long something took to be noticed, from milliseconds: it may be a little below zero. */
export function delay(ms) {
  return ms < AT_ONCE_MS ? 'at once' : `after ${duration(ms)}`;
}

/** What a server says, as a sentence: with a capital letter and a full stop. */
export function sentence(text) {
  if (text === '') return '';
  return `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
}

/** A number of things: `count(1, 'tick')` is "1 tick". */
export function count(number, thing, things = `${thing}s`) {
  return `${number} ${number === 1 ? thing : things}`;
}

/** A number of bytes. */
export function size(bytes) {
  if (bytes < 10_000) return `${bytes} B`;
  return bytes < 10_000_000 ? `${Math.round(bytes / 1000)} kB` : `${Math.round(bytes / 1e6)} MB`;
}

/** What a paragraph of the page about teardown is called: "m09-reset" is "M09 reset". */
export function paragraphName(paragraph) {
  const text = paragraph.replaceAll('-', ' ');
  return `${text[0].toUpperCase()}${text.slice(1)}`;
}

/** How late ticks were at most, from what `Vitals` says of a time. */
export function lateness({ lateMs, isBeyond }) {
  return isBeyond ? `more than ${duration(lateMs)} late` : `none later than ${duration(lateMs)}`;
}

/**
 * What the others felt while somebody left.
 *
 * `ticks` is what `Vitals.between` says of that time, `worstMs` and `losses` what the witness says.
 */
export function others({ ticks, worstMs, losses }, whom) {
  const said = [];
  if (ticks !== null && ticks.ticks > 0) {
    const missed = ticks.missed === 0 ? 'no tick missed' : `${count(ticks.missed, 'tick')} missed`;
    said.push(missed, lateness(ticks));
  }
  if (losses > 0) said.push('the witness lost its connection');
  if (worstMs !== null) said.push(`the witness waited ${duration(worstMs)} at most`);
  if (said.length === 0) return '';
  return `While ${whom} left: ${said.join(', ')}.`;
}

/** What the witness sees, in a sentence. `periodMs` is that of its room's ticks. */
export function witnessed({ worstMs, p99Ms }, periodMs) {
  return `The others' snapshots should come every ${duration(periodMs)}. In the last 30 s `
    + `99 of 100 came within ${duration(p99Ms)}, and the worst after ${duration(worstMs)}.`;
}
