// What the player wants: keyboard, mouse and touch become one wish.
//
// Data flow: DOM events -> Controls -> the wish of this frame -> prediction.js and the server. It
// does not know where anybody is; the page tells it where on the canvas its own player is drawn.

import { FULL_SPEED, TURN } from './arena-messages.js';

const MOVES = {
  KeyW: [0, -1], ArrowUp: [0, -1], KeyS: [0, 1], ArrowDown: [0, 1],
  KeyA: [-1, 0], ArrowLeft: [-1, 0], KeyD: [1, 0], ArrowRight: [1, 0],
};
const FIRE = 'Space';
/** How far a finger moves for full speed, in CSS pixels. */
const STICK_RADIUS = 48;
/** A finger that aims shoots from this share of the radius on. */
const FIRE_FROM = 0.4;

/** Listens to a canvas and to the keyboard. */
export class Controls {
  /** Where our own player is drawn, in CSS pixels of the canvas. Set by the page. */
  centre = { x: 0, y: 0 };
  /** Whether fingers play, so that the corners below are theirs. */
  isTouch = matchMedia('(pointer: coarse)').matches;
  /** Calls this when the player does something for the first time. */
  onFirst = () => {};
  #keys = new Set();
  #aim = 0;
  // The mouse aims from its first move on, until the keyboard is used alone.
  #pointer = null;
  #isMouseDown = false;
  // Fingers by the number of their pointer: which stick, where it began, where it is.
  #fingers = new Map();

  constructor(canvas) {
    addEventListener('keydown', (event) => this.#handleKey(event, true));
    addEventListener('keyup', (event) => this.#handleKey(event, false));
    addEventListener('blur', () => this.release());
    document.addEventListener('visibilitychange', () => this.release());
    canvas.addEventListener('pointerdown', (event) => this.#handleDown(event, canvas));
    canvas.addEventListener('pointermove', (event) => this.#handleMove(event));
    for (const end of ['pointerup', 'pointercancel', 'lostpointercapture']) {
      canvas.addEventListener(end, (event) => this.#handleUp(event));
    }
    canvas.addEventListener('contextmenu', (event) => event.preventDefault());
  }

  /** What the player wants now, in the units of an input of the arena. */
  get wish() {
    const move = this.#stick('move') ?? this.#keyboard();
    const aimed = this.#stick('aim');
    const pressed = this.#isMouseDown || this.#keys.has(FIRE);
    if (aimed !== null) this.#turn(aimed.x, aimed.y);
    else if (this.#pointer !== null) {
      this.#turn(this.#pointer.x - this.centre.x, this.#pointer.y - this.centre.y);
    } else this.#turn(move.x, move.y);
    return {
      moveX: Math.round(move.x * FULL_SPEED),
      moveY: Math.round(move.y * FULL_SPEED),
      aim: this.#aim,
      fire: pressed || (aimed !== null && Math.hypot(aimed.x, aimed.y) >= FIRE_FROM),
    };
  }

  /** The sticks under fingers: where each began and where its knob is, in CSS pixels. */
  get sticks() {
    return [...this.#fingers.values()].map(({ start, x, y }) => {
      const { x: knobX, y: knobY } = deflection(start, { x, y });
      const knob = { x: start.x + knobX * STICK_RADIUS, y: start.y + knobY * STICK_RADIUS };
      return { start, knob, radius: STICK_RADIUS };
    });
  }

  /** Lets go of everything: nobody holds a key in a window that has no focus. */
  release() {
    this.#keys.clear();
    this.#fingers.clear();
    this.#isMouseDown = false;
  }

  #handleKey(event, isDown) {
    const isOurs = event.code in MOVES || event.code === FIRE;
    // Space presses a button that has the focus, and every key writes into a field.
    const others = event.code === FIRE ? 'input, button, summary' : 'input';
    const isTheirs = Boolean(event.target.closest?.(others));
    if (!isDown) this.#keys.delete(event.code);
    if (!isOurs || isTheirs || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (!isDown) return;
    this.#keys.add(event.code);
    this.onFirst();
  }

  #handleDown(event, canvas) {
    document.activeElement?.blur();
    canvas.setPointerCapture(event.pointerId);
    this.onFirst();
    if (event.pointerType === 'mouse') {
      this.#isMouseDown = event.button === 0;
      return;
    }
    this.isTouch = true;
    this.#pointer = null;
    const start = { x: event.offsetX, y: event.offsetY };
    const stick = start.x < canvas.clientWidth / 2 ? 'move' : 'aim';
    this.#fingers.set(event.pointerId, { stick, start, ...start });
  }

  #handleMove(event) {
    const at = { x: event.offsetX, y: event.offsetY };
    if (event.pointerType === 'mouse') this.#pointer = at;
    const finger = this.#fingers.get(event.pointerId);
    if (finger !== undefined) Object.assign(finger, at);
  }

  #handleUp(event) {
    this.#fingers.delete(event.pointerId);
    if (event.pointerType === 'mouse') this.#isMouseDown = false;
  }

  #keyboard() {
    const held = Object.entries(MOVES).filter(([code]) => this.#keys.has(code));
    const side = (axis) => Math.sign(held.reduce((sum, [, move]) => sum + move[axis], 0));
    const [x, y] = [side(0), side(1)];
    const length = Math.max(1, Math.hypot(x, y));
    return { x: x / length, y: y / length };
  }

  #stick(name) {
    const finger = [...this.#fingers.values()].find(({ stick }) => stick === name);
    return finger === undefined ? null : deflection(finger.start, finger);
  }

  #turn(x, y) {
    if (x === 0 && y === 0) return;
    const turns = Math.atan2(y, x) / (2 * Math.PI);
    this.#aim = Math.round((turns + 1) * TURN) % TURN;
  }
}

// How far a finger has moved, 1 for a whole radius and never more.
function deflection(start, at) {
  const [x, y] = [(at.x - start.x) / STICK_RADIUS, (at.y - start.y) / STICK_RADIUS];
  const length = Math.max(1, Math.hypot(x, y));
  return { x: x / length, y: y / length };
}
