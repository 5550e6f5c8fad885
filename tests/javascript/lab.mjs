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

/** A way to leave. */
export function cause(name, more = {}) {
  return {
    name, label: `The ${name}`, wire: 'RST', paragraph: 'm09-reset', group: 'gone',
    websocket_only: false, privilege: null, expect_seconds: 0, ...more,
  };
}

/** An answer with all that the page shows; `more` replaces parts of it. */
export function whole(second, more = {}) {
  const buckets = [[0.001, second], [null, second]];
  return answer(second, {
    open: true, closed_because: null, game: 'arena', game_host: '127.0.0.1', game_port: 7777,
    websocket: true, bots_max: 100, bots_out: 0,
    causes: [cause('reset'), cause('ws-close', { websocket_only: true })],
    ticks: { total: second, missed: 0, late_buckets: buckets, work_buckets: buckets },
    connections: { handshake: 0, playing: 0, lingering: 0 }, players_away: 0,
    rooms: [], rooms_total: 0, members: [], members_total: 0, ...more,
  });
}
