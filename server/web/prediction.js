// Our own player, shown where it will be when the server has heard what we asked for.
//
// Data flow: inputs as they are sent, snapshots as they come -> Prediction -> one position per
// drawn frame. It knows how fast players walk and where the walls are; hits, shots and everybody
// else are the server's business. The server is always right: what it says is drawn towards.

import { FIELD_SIZE, FULL_SPEED, PLAYER_RADIUS, PLAYER_SPEED } from './arena-messages.js';

/** Half of a difference to the server is gone after about 0.7 times this, in ms. */
const SETTLE_MS = 120;
/** Further away than this is another place and no difference, in units. */
const JUMP = 300;
/** Longer than this nobody walks on without a word of the server, in ms. */
const AHEAD_MAX_MS = 400;

/** Where our own player is. Forgets nothing that the server has not applied yet. */
export class Prediction {
  // What the server said last; `null` while we are not in the arena.
  #base = null;
  // Inputs that it had not applied then, in the order of their numbers.
  #pending = [];
  #shown = null;
  #shownMs = 0;

  /** An input was sent: its number, the wish in it, and when, in ms. */
  sent(sequence, { moveX, moveY }, nowMs) {
    this.#pending.push({ sequence, ...velocity(moveX, moveY), atMs: nowMs });
  }

  /** The server says where we are, after which input. `undefined` if we are not there. */
  correct(player) {
    this.#base = player === undefined || player.health === 0 ? null : player;
    if (this.#base === null) this.#shown = null;
    const applied = player?.lastInput ?? 0;
    this.#pending = this.#pending.filter(({ sequence }) => sequence > applied);
  }

  /** The position at `nowMs`, with the wish of this very frame; `null` while we are not in play. */
  at(nowMs, { moveX, moveY }) {
    if (this.#base === null) return null;
    const target = this.#target(nowMs);
    const passedMs = Math.min(nowMs - this.#shownMs, 100);
    this.#shownMs = nowMs;
    if (this.#shown === null || distance(this.#shown, target) > JUMP) this.#shown = target;
    const { x, y } = this.#shown;
    const { vx, vy } = velocity(moveX, moveY);
    const pull = 1 - Math.exp(-passedMs / SETTLE_MS);
    const [walkedX, walkedY] = [x + vx * passedMs, y + vy * passedMs];
    this.#shown = {
      x: inside(walkedX + (target.x - walkedX) * pull),
      y: inside(walkedY + (target.y - walkedY) * pull),
    };
    return this.#shown;
  }

  // What the server said, and what is on its way to it. Each input holds until the next.
  #target(nowMs) {
    let { x, y } = this.#base;
    let leftMs = AHEAD_MAX_MS;
    this.#pending.forEach(({ vx, vy, atMs }, index) => {
      const untilMs = this.#pending[index + 1]?.atMs ?? nowMs;
      const heldMs = Math.min(untilMs - atMs, leftMs);
      leftMs -= heldMs;
      x = inside(x + vx * heldMs);
      y = inside(y + vy * heldMs);
    });
    return { x, y };
  }
}

// Units per ms. A wish in both directions is capped to a circle.
function velocity(moveX, moveY) {
  const scale = PLAYER_SPEED / 1000 / Math.max(FULL_SPEED, Math.hypot(moveX, moveY));
  return { vx: moveX * scale, vy: moveY * scale };
}

function inside(coordinate) {
  return Math.min(Math.max(coordinate, PLAYER_RADIUS), FIELD_SIZE - PLAYER_RADIUS);
}

function distance(one, other) {
  return Math.hypot(one.x - other.x, one.y - other.y);
}
