// Keyboard, mouse and fingers against the wish that is made of them, without a browser.
//
// A window, a document and a canvas that can do nothing but pass events on stand for the real ones.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { Controls } from '../../server/web/controls.js';

let canvas;
let controls;

beforeEach(() => {
  const window = new EventTarget();
  globalThis.addEventListener = window.addEventListener.bind(window);
  globalThis.dispatchEvent = window.dispatchEvent.bind(window);
  globalThis.document = new EventTarget();
  globalThis.matchMedia = () => ({ matches: false });
  canvas = Object.assign(new EventTarget(), { clientWidth: 400, setPointerCapture: () => {} });
  controls = new Controls(canvas);
  controls.centre = { x: 200, y: 100 };
});

function key(type, code, focused = null) {
  const event = Object.assign(new Event(type, { cancelable: true }), { code });
  const target = { closest: (selector) => (selector.split(', ').includes(focused) ? {} : null) };
  Object.defineProperty(event, 'target', { value: target });
  dispatchEvent(event);
}

function pointer(type, pointerType, x, y, more = {}) {
  const event = new Event(type, { cancelable: true });
  const detail = { pointerType, pointerId: 1, button: 0, offsetX: x, offsetY: y, ...more };
  canvas.dispatchEvent(Object.assign(event, detail));
}

test('keys move, diagonals are not faster, and the way is the aim', () => {
  key('keydown', 'KeyD');
  assert.deepEqual(controls.wish, { moveX: 127, moveY: 0, aim: 0, fire: false });
  key('keydown', 'ArrowDown');
  assert.deepEqual(controls.wish, { moveX: 90, moveY: 90, aim: 32, fire: false });
  key('keydown', 'KeyA');
  assert.deepEqual(controls.wish, { moveX: 0, moveY: 127, aim: 64, fire: false });
  key('keyup', 'KeyD');
  key('keyup', 'KeyA');
  key('keyup', 'ArrowDown');
  key('keydown', 'Space');
  assert.deepEqual(controls.wish, { moveX: 0, moveY: 0, aim: 64, fire: true }, 'still looking');
});

test('two keys for one direction are one, and a window without focus holds none', () => {
  key('keydown', 'KeyW');
  key('keydown', 'ArrowUp');
  key('keyup', 'KeyW');
  assert.equal(controls.wish.moveY, -127);
  dispatchEvent(new Event('blur'));
  assert.equal(controls.wish.moveY, 0);
});

test('a field gets its letters, and a button its space', () => {
  key('keydown', 'KeyD', 'input');
  key('keydown', 'Space', 'button');
  assert.deepEqual(controls.wish, { moveX: 0, moveY: 0, aim: 0, fire: false });
  key('keydown', 'KeyD', 'button');
  assert.equal(controls.wish.moveX, 127);
});

test('the mouse aims from our own player, and its main button fires', () => {
  pointer('pointermove', 'mouse', 200, 40);
  assert.equal(controls.wish.aim, 192);
  pointer('pointerdown', 'mouse', 200, 40, { button: 2 });
  assert.equal(controls.wish.fire, false);
  pointer('pointerdown', 'mouse', 200, 40);
  assert.equal(controls.wish.fire, true);
  pointer('pointerup', 'mouse', 200, 40);
  assert.equal(controls.wish.fire, false);
});

test('the left finger moves, the right one aims and fires, each from where it began', () => {
  pointer('pointerdown', 'touch', 50, 300);
  pointer('pointerdown', 'touch', 350, 300, { pointerId: 2 });
  assert.deepEqual(controls.wish, { moveX: 0, moveY: 0, aim: 0, fire: false });
  pointer('pointermove', 'touch', 50, 324);
  pointer('pointermove', 'touch', 150, 300, { pointerId: 2 });
  assert.deepEqual(controls.wish, { moveX: 0, moveY: 64, aim: 128, fire: true });
  const [left, right] = controls.sticks;
  assert.deepEqual([left.start, left.knob], [{ x: 50, y: 300 }, { x: 50, y: 324 }]);
  assert.equal(right.knob.x, 350 - right.radius, 'a knob does not leave its ring');
  pointer('pointercancel', 'touch', 150, 300, { pointerId: 2 });
  pointer('pointerup', 'touch', 50, 324);
  assert.deepEqual(controls.wish, { moveX: 0, moveY: 0, aim: 128, fire: false });
  assert.deepEqual([controls.sticks, controls.isTouch], [[], true]);
});

test('a finger that moves is the aim, wherever a mouse has been', () => {
  pointer('pointermove', 'mouse', 200, 40);
  pointer('pointerdown', 'touch', 50, 300);
  pointer('pointermove', 'touch', 50, 340);
  assert.equal(controls.wish.aim, 64);
});

test('the first thing that a player does is noticed', () => {
  let count = 0;
  controls.onFirst = () => { count += 1; };
  key('keydown', 'KeyX');
  assert.equal(count, 0);
  key('keydown', 'KeyW');
  pointer('pointerdown', 'mouse', 1, 1);
  assert.equal(count, 2);
});
