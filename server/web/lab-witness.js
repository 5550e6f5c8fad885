// The witness: an ordinary player of the default game, who only listens.
//
// Data flow: gamekeeper.js -> snapshots and the time of their arrival -> Pulse. It plays by the
// same protocol as everybody, sends nothing of its own, and comes back when it is thrown out.

import { connect } from './gamekeeper.js';
import { Pulse } from './lab-pulse.js';

const NAME = 'witness';

/** The witness of this page. */
export class Witness {
  /** What it measures. */
  pulse = new Pulse();
  /** Its number and its room while it plays; `null` otherwise. */
  seat = null;
  #address = null;
  #client = null;

  /** Joins the server at an address; leaves if that is `null`. */
  join(address) {
    if (address === this.#address) return;
    this.#client?.leave();
    this.#address = address;
    this.#client = null;
    this.seat = null;
    if (address === null) return;
    const client = connect({ url: `ws://${address}/ws`, name: NAME });
    this.#client = client;
    client.on('state', ({ kind }) => {
      if (kind === 'playing' || client !== this.#client) return;
      this.seat = null;
      this.pulse.lose(performance.now());
    });
    client.on('joined', ({ player, room, tickHz }) => {
      this.seat = { player, room };
      this.pulse.begin(tickHz);
    });
    client.on('snapshot', () => this.pulse.handleSnapshot(performance.now()));
  }

  /** The tab is seen, or not. */
  handleVisibility(isHidden) {
    if (isHidden) return this.pulse.hide();
    this.pulse.show(performance.now());
    this.#client?.retryNow();
  }

  /** Why it measures nothing, as a sentence; empty if it plays. */
  get trouble() {
    if (this.#client === null) return 'No witness is in the game.';
    const { kind, why } = this.#client.state;
    if (kind === 'playing') {
      return this.pulse.periodMs === null ? 'This game has no ticks: there is nothing to time.' : '';
    }
    if (kind === 'connecting') return 'The witness is joining.';
    const told = why?.text ? ` (${why.text})` : '';
    if (kind === 'ended') return `The witness is out of the game${told}.`;
    return `The witness lost its connection and is coming back${told}.`;
  }
}
