// What a server tells the lab page, made up: answers with runs, bots that left, and departures.
//
// Data flow: tests -> here -> an answer as `GET /api/lab` gives it. No clock runs: seconds are
// numbers of the test, counted from the start of the server.

const NS = 1e9;

/** An answer of a server at a second of its life; `more` replaces parts of it. */
export function answer(second, more = {}) {
  const departures = more.departures ?? [];
  const left = more.left ?? [];
  return {
    now_ns: second * NS, started_ns: 0, departures, left, runs: [],
    departures_forgotten: 0, departures_total: departures.at(-1)?.number ?? 0,
    next: departures.at(-1)?.number ?? 0, left_next: left.at(-1)?.number ?? 0, ...more,
  };
}

/** A departure that the server noted at a second. */
export function departure(number, second, address, more = {}) {
  return {
    number, left_at_ns: Math.round(second * NS), id: `${number}.1`, address, reason: 'reset',
    path: 'event', detail: '', age_seconds: 2, room: 1, player: number, bytes_in: 10,
    bytes_out: 20, history: [], kernel: 'It said ECONNRESET.', noticed: 'The poll hinted at it.',
    done: 'Closed.', paragraph: 'm09-reset', ...more,
  };
}

/** What a bot of a run did at a second. */
export function left(number, run, second, address) {
  return { number, run, address, at_ns: Math.round(second * NS) };
}

/** A run of the lab. */
export function run(number, bots, state, more = {}) {
  return {
    number, cause: 'reset', transport: 'tcp', bots, state, trouble: null, started_ns: NS, ...more,
  };
}
