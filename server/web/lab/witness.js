// The page's side of the witness: where it plays, and what it measures.
//
// Data flow: messages of witness-worker.js -> Witness -> its Pulse, its seat, and what is the
// matter with it, as a sentence.

import { Pulse } from './pulse.js';

/** The witness of this page. */
export class Witness {
  /** What it measures, in the page's time. */
  pulse = new Pulse();
  /** Its number and its room while it plays; `null` otherwise. */
  seat = null;
  #worker = new Worker('/lab/witness-worker.js', { type: 'module' });
  #address = null;
  #state = 'connecting';
  #why = '';

  constructor() {
    this.#worker.addEventListener('message', ({ data }) => this.#handle(data));
    this.#worker.addEventListener('error', () => {
      this.#state = 'ended';
      this.#why = 'its script could not be loaded';
    });
  }

  /** Joins the server at an address; leaves if that is `null`. */
  join(address) {
    if (address === this.#address) return;
    this.#address = address;
    this.#lose(performance.now());
    this.#worker.postMessage({ address });
  }

  /** The tab is seen, or not. */
  handleVisibility(isHidden) {
    if (isHidden) return this.pulse.hide();
    this.pulse.show(performance.now());
    this.#worker.postMessage({ retry: true });
  }

  /** Why it measures nothing, as a sentence; empty if it plays. */
  get trouble() {
    if (this.#address === null) return 'No witness is in the game.';
    if (this.#state === 'playing') {
      const hasTicks = this.pulse.periodMs !== null;
      return hasTicks ? '' : 'This game has no ticks: there is nothing to time.';
    }
    if (this.#state === 'connecting') return 'The witness is joining.';
    const told = this.#why === '' ? '' : ` (${this.#why})`;
    if (this.#state === 'ended') return `The witness is out of the game${told}.`;
    return `The witness lost its connection and is coming back${told}.`;
  }

  #handle({ kind, atMs: epochMs, address, ...told }) {
    if (address !== this.#address) return;
    const atMs = epochMs - performance.timeOrigin;
    if (kind === 'snapshot') return this.pulse.handleSnapshot(atMs);
    if (kind === 'joined') {
      this.seat = { player: told.player, room: told.room };
      return this.pulse.begin(told.tickHz);
    }
    this.#state = told.state;
    this.#why = told.why;
    if (told.state !== 'playing') this.#lose(atMs);
  }

  #lose(nowMs) {
    this.seat = null;
    this.pulse.lose(nowMs);
  }
}

/**
 * Where the game is, from an answer of the server: `host:port`, or `null` if browsers cannot play.
 * A server that listens everywhere is where this page came from, at `hostname`.
 */
export function addressOf({ game_host: host, game_port: port }, hostname) {
  return port === null ? null : `${host ?? hostname}:${port}`;
}
