// The connections of one event, one by one: what is behind "show" on a card of the feed.
//
// Data flow: departures with the time that each took to be noticed -> rows of a table that can be
// opened. Rows are made when somebody opens it, and not before.

import { fillTable, make, write } from './dom.js';
import { count, delay, duration, size } from './words.js';

const COLUMNS = ['Address', 'Counted as', 'Noticed', 'Was here', 'Read', 'Written', 'What it did'];

/** A table of departures that can be opened. */
export class Account {
  /** The whole, and the line that opens it. */
  element = make('details', 'account');
  summary = make('summary');
  #table = make('table');
  #rows = [];
  #timeOf = null;

  constructor() {
    const head = this.#table.createTHead().insertRow();
    for (const column of COLUMNS) {
      const cell = make('th', '', column);
      cell.scope = 'col';
      head.append(cell);
    }
    this.#table.createTBody();
    const scroll = make('div', 'scroll', this.#table);
    scroll.tabIndex = 0;
    scroll.setAttribute('role', 'region');
    scroll.setAttribute('aria-label', 'Connections of this event');
    this.element.append(this.summary, scroll);
    this.element.addEventListener('toggle', () => this.#fill());
  }

  /** Takes `rows` of `{ departure, noticedMs }`, of `total` that there are. */
  show(rows, total, timeOf) {
    this.#rows = rows;
    this.#timeOf = timeOf;
    this.element.hidden = rows.length === 0;
    const some = total > rows.length ? ` (${rows.length} are shown)` : '';
    write(this.summary, total === 1 ? 'The connection' : `${count(total, 'connection')}${some}`);
    this.#fill();
  }

  #fill() {
    if (this.element.open) fillTable(this.#table, this.#rows.map((row) => this.#cells(row)));
  }

  #cells({ departure, noticedMs }) {
    const { address, id, reason, path, detail, age_seconds: age } = departure;
    const noticed = noticedMs === null ? this.#timeOf(departure.left_at_ns) : delay(noticedMs);
    const history = (departure.history ?? []).map(({ at_ms: atMs, what, times }) =>
      `${duration(atMs)} ${what}${times > 1 ? ` \u00d7 ${times}` : ''}`).join(', ');
    return [
      `${address} (${id})`, `${reason} / ${path}`, noticed, duration(age * 1000),
      size(departure.bytes_in), size(departure.bytes_out),
      [detail, history].filter(Boolean).join('. '),
    ];
  }
}
