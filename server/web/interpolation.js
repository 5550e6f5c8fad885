// Smooth motion from snapshots that come twenty times a second: the arena as it was a moment ago.
//
// Data flow: snapshots with the time of their arrival -> Timeline -> one pose per drawn frame.
// It shows the past, two ticks behind, so that there is nearly always a snapshot on both sides of
// the shown moment. It does not guess where players will be; our own player is in prediction.js.

import { SHOT_SPEED, TURN } from './arena-messages.js';

/** How far behind the newest snapshot the shown moment is, in ticks. */
const DELAY_TICKS = 2;
/** Snapshots that are kept: more than a frame ever needs. */
const KEPT_MAX = 8;
/** Of a delay that lasts, this share is believed with each snapshot. */
const DRIFT = 0.05;
/** A gap longer than this is a pause and no jitter, in ms. */
const PAUSE_MS = 1000;
/** Whoever is further away than this in the next snapshot was moved and did not walk, in units. */
const STEP_MAX = 250;
/** A shot is the same one if it is this near to where it should have flown, in units. */
const SAME_SHOT = 12;

/** The last snapshots of one connection, in the order of their ticks. */
export class Timeline {
  #periodMs;
  #snapshots = [];
  // Local time of tick 0, in ms: of the snapshots that came quickest, as far as they are typical.
  #zeroMs = null;

  /** `tickHz` is the room's: ticks per second, above 0. */
  constructor(tickHz) {
    this.#periodMs = 1000 / tickHz;
  }

  /** Takes a decoded snapshot that came at `nowMs`. One that is older than the last is ignored. */
  push(tick, { players, shots }, nowMs) {
    if (tick <= (this.#snapshots.at(-1)?.tick ?? -1)) return;
    const zeroMs = nowMs - tick * this.#periodMs;
    const lateMs = zeroMs - (this.#zeroMs ?? zeroMs);
    if (this.#zeroMs === null || lateMs < 0 || lateMs > PAUSE_MS) this.#zeroMs = zeroMs;
    else this.#zeroMs += lateMs * DRIFT;
    this.#snapshots.push({ tick, players, shots });
    if (this.#snapshots.length > KEPT_MAX) this.#snapshots.shift();
  }

  /** The newest snapshot, or `undefined`. */
  get newest() {
    return this.#snapshots.at(-1);
  }

  /** Players and shots as of `nowMs`, two ticks ago; `null` before the first snapshot. */
  at(nowMs) {
    if (this.#snapshots.length === 0) return null;
    const shown = (nowMs - this.#zeroMs) / this.#periodMs - DELAY_TICKS;
    const after = this.#snapshots.findIndex(({ tick }) => tick > shown);
    if (after === -1) return still(this.#snapshots.at(-1));
    if (after === 0) return still(this.#snapshots[0]);
    return between(this.#snapshots[after - 1], this.#snapshots[after], shown, this.#periodMs);
  }
}

/** The way from one angle to another by the shorter side, `share` of it, in 1/256 of a turn. */
export function turned(from, to, share) {
  const way = ((to - from + TURN * 1.5) % TURN) - TURN / 2;
  return (from + way * share + TURN) % TURN;
}

function still({ players, shots }) {
  return { players, shots };
}

function between(before, after, shown, periodMs) {
  const share = (shown - before.tick) / (after.tick - before.tick);
  const earlier = new Map(before.players.map((player) => [player.player, player]));
  const players = after.players.map((player) => moved(earlier.get(player.player), player, share));
  const stride = (SHOT_SPEED * periodMs) / 1000;
  return { players, shots: flying(before, after, shown, stride) };
}

function moved(from, to, share) {
  if (from === undefined) return to;
  const jumped = Math.hypot(to.x - from.x, to.y - from.y) > STEP_MAX;
  if (jumped || from.health === 0 || to.health === 0) return share < 0.5 ? from : to;
  return {
    ...to,
    x: from.x + (to.x - from.x) * share,
    y: from.y + (to.y - from.y) * share,
    aim: turned(from.aim, to.aim, share),
  };
}

// Shots have no numbers, but they fly straight: each is drawn back from where it is next, and one
// that is not there any more is drawn on from where it was.
function flying(before, after, shown, stride) {
  const back = after.shots.map((shot) => flown(shot, (shown - after.tick) * stride));
  const ticks = after.tick - before.tick;
  const ended = before.shots.filter((shot) => {
    const next = flown(shot, ticks * stride);
    const isNext = (other) => other.owner === shot.owner && other.direction === shot.direction
      && Math.hypot(other.x - next.x, other.y - next.y) < SAME_SHOT;
    return !after.shots.some(isNext);
  });
  return [...back, ...ended.map((shot) => flown(shot, (shown - before.tick) * stride))];
}

function flown(shot, units) {
  const angle = (shot.direction / TURN) * 2 * Math.PI;
  return { ...shot, x: shot.x + Math.cos(angle) * units, y: shot.y + Math.sin(angle) * units };
}
