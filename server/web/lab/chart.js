// The chart of the witness's waits over the last 30 s, in which each leave is a mark.
//
// Data flow: waits and marks with their times in ms -> shapes of an SVG element. It measures and
// judges nothing, and is drawn anew as a whole: some hundred points.

import { WINDOW_MS } from './pulse.js';

const SVG = 'http://www.w3.org/2000/svg';
const HEIGHT = 150;
/** Room for the words at the bottom, and at the left, in CSS pixels. */
const BOTTOM = 20;
const LEFT = 52;
/** What the upper edge may stand for, in ms. */
const TOPS_MS = [100, 200, 500, 1000, 2000, 5000, 10_000, 30_000];
/** The worst wait should stay below this share of the height. */
const FULL = 0.95;
const MARKS_MAX = 400;

/** Draws into the SVG element. */
export class Chart {
  #svg;

  constructor(svg) {
    this.#svg = svg;
  }

  /**
   * Draws. `waits` are `{ atMs, waitedMs }`, `openMs` what is waited for now, `marks` are
   * `{ atMs, isOurs }`, `periodMs` is a tick's or `null`; `says` is the chart in words.
   */
  draw({ waits, openMs, marks, periodMs, nowMs, says }) {
    const width = Math.max(200, this.#svg.clientWidth);
    const worstMs = Math.max(openMs, 2 * (periodMs ?? 0), ...waits.map((one) => one.waitedMs));
    const topMs = TOPS_MS.find((top) => worstMs <= top * FULL) ?? TOPS_MS.at(-1);
    const x = (atMs) => LEFT + (1 - (nowMs - atMs) / WINDOW_MS) * (width - LEFT);
    const y = (ms) => (HEIGHT - BOTTOM) * (1 - Math.min(1, ms / topMs));
    const recent = marks.filter(({ atMs }) => atMs > nowMs - WINDOW_MS).slice(-MARKS_MAX);
    const lines = (isOurs) => recent.filter((mark) => mark.isOurs === isOurs)
      .map(({ atMs }) => `M${x(atMs).toFixed(1)} 0V${HEIGHT - BOTTOM}`).join('');
    this.#svg.setAttribute('viewBox', `0 0 ${width} ${HEIGHT}`);
    this.#svg.setAttribute('aria-label', says);
    this.#svg.replaceChildren(
      path('axis', `M${LEFT} 0V${HEIGHT - BOTTOM}H${width}`),
      path('theirs', lines(false)), path('ours', lines(true)),
      ...(periodMs === null ? [] : [
        path('period', `M${LEFT} ${y(periodMs)}H${width}`),
        text(`${Math.round(periodMs)} ms`, LEFT - 6, y(periodMs) + 4, 'end'),
      ]),
      path('line', curve(waits, x, y)),
      path('open', openMs > 0 ? `M${x(nowMs - openMs)} ${y(openMs)}H${x(nowMs)}` : ''),
      text(topMs < 1000 ? `${topMs} ms` : `${topMs / 1000} s`, LEFT - 6, 12, 'end'),
      text('0', LEFT - 6, HEIGHT - BOTTOM + 1, 'end'),
      text('30 s ago', LEFT, HEIGHT - 4, 'start'), text('now', width - 2, HEIGHT - 4, 'end'),
    );
  }
}

// Waits that do not follow each other are not connected: between them nothing was judged.
function curve(waits, x, y) {
  return waits.map(({ atMs, waitedMs }, index) => {
    const follows = index > 0 && atMs - waitedMs - waits[index - 1].atMs < 1;
    return `${follows ? 'L' : 'M'}${x(atMs).toFixed(1)} ${y(waitedMs).toFixed(1)}`;
  }).join('');
}

function path(name, d) {
  const made = document.createElementNS(SVG, 'path');
  made.setAttribute('class', name);
  made.setAttribute('d', d);
  return made;
}

function text(words, x, y, anchor) {
  const made = document.createElementNS(SVG, 'text');
  made.setAttribute('x', x);
  made.setAttribute('y', y);
  made.setAttribute('text-anchor', anchor);
  made.textContent = words;
  return made;
}
