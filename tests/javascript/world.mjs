// A browser made of memory: a clock that the test turns, and a WebSocket that says what it is told.
//
// Data flow: test -> FakeSocket -> the client under test -> what it sent, what it told the game.

import { connect } from '../../server/web/gamekeeper.js';

/** One WebSocket of the client under test. */
class FakeSocket {
  bufferedAmount = 0;
  isClosed = false;
  sent = [];

  constructor(url) {
    this.url = url;
    FakeSocket.made.push(this);
  }

  send(bytes) {
    this.sent.push(Array.from(bytes));
  }

  close() {
    this.isClosed = true;
  }

  /** Hands a message to the client, as the browser does. */
  receive(bytes) {
    this.onmessage?.({ data: typeof bytes === 'string' ? bytes : Uint8Array.from(bytes).buffer });
  }

  /** The connection is lost. */
  lose(code = 1006) {
    this.onclose?.({ code });
  }
}

/** A client and everything around it. `random` is what its dice show, `options` are for connect. */
export class World {
  nowMs = 0;
  timers = new Map();
  sockets = [];
  told = [];

  constructor({ random = 0.5, ...options } = {}) {
    FakeSocket.made = this.sockets;
    this.random = random;
    const environment = {
      WebSocket: FakeSocket,
      now: () => this.nowMs,
      setTimeout: (callback, ms) => {
        const timer = Symbol('timer');
        this.timers.set(timer, { callback, dueMs: this.nowMs + ms });
        return timer;
      },
      clearTimeout: (timer) => this.timers.delete(timer),
      random: () => this.random,
    };
    const usual = { url: 'ws://game/ws', game: 'arena', name: 'ada' };
    this.client = connect({ ...usual, environment, ...options });
    for (const name of ['state', 'joined', 'snapshot', 'event', 'members', 'rtt']) {
      this.client.on(name, (detail) => this.told.push([name, detail]));
    }
  }

  /** The socket of the current attempt. */
  get socket() {
    return this.sockets.at(-1);
  }

  /** What was told under this name, in order. */
  of(name) {
    return this.told.filter(([what]) => what === name).map(([, detail]) => detail);
  }

  /** Lets time pass, timer by timer. */
  pass(ms) {
    const endMs = this.nowMs + ms;
    for (;;) {
      const due = [...this.timers].filter(([, timer]) => timer.dueMs <= endMs);
      if (due.length === 0) break;
      const [key, { callback, dueMs }] = due.reduce((a, b) => (a[1].dueMs <= b[1].dueMs ? a : b));
      this.timers.delete(key);
      this.nowMs = Math.max(this.nowMs, dueMs);
      callback();
    }
    this.nowMs = endMs;
  }

  /** The whole machine sleeps: no timer comes, and all of them are late afterwards. */
  sleep(ms) {
    this.nowMs += ms;
    this.pass(0);
  }

  /** Opens the connection of the current attempt and hands it a first message. */
  open(...messages) {
    this.socket.onopen?.();
    for (const message of messages) this.socket.receive(message);
  }
}
