// What the page makes of snapshots and inputs: smooth motion, our own player, words for people.
//
// A small server of one walking player stands for the real one: it moves once per tick by the last
// input that has come, as the arena does. No clock runs; every time is a number of the test.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PLAYER_SPEED, SHOT_SPEED } from '../../server/web/arena-messages.js';
import { Timeline, turned } from '../../server/web/interpolation.js';
import { Prediction } from '../../server/web/prediction.js';
import { Room } from '../../server/web/room.js';
import { makeScene } from '../../server/web/scene.js';

const HZ = 20;
const PERIOD_MS = 1000 / HZ;
const FRAME_MS = 1000 / 60;
const EAST = { moveX: 127, moveY: 0 };
const REST = { moveX: 0, moveY: 0 };

function player(number, x, more = {}) {
  const rest = { aim: 0, health: 100, respawnTicks: 0, score: 0, lastInput: 0 };
  return { player: number, x, y: 1000, ...rest, ...more };
}

test('others move evenly between snapshots that come unevenly', () => {
  const timeline = new Timeline(HZ);
  const delays = [20, 35, 25, 60, 22, 30, 55, 24, 21, 40];
  const stride = PLAYER_SPEED / HZ;
  const arrivals = Array.from({ length: 60 }, (_, tick) =>
    ({ tick, atMs: tick * PERIOD_MS + delays[tick % delays.length] }));
  const shown = [];
  for (let nowMs = 0; nowMs < 2500; nowMs += FRAME_MS) {
    while (arrivals[0]?.atMs <= nowMs) {
      const { tick, atMs } = arrivals.shift();
      timeline.push(tick, { players: [player(1, 500 + tick * stride)], shots: [] }, atMs);
    }
    if (nowMs > 500) shown.push(timeline.at(nowMs).players[0].x);
  }
  const steps = shown.slice(1).map((x, index) => x - shown[index]);
  const even = (PLAYER_SPEED * FRAME_MS) / 1000;
  for (const step of steps) assert.ok(Math.abs(step - even) < even * 0.3, `${step} for ${even}`);
});

test('before the first snapshot there is nothing, and after the last one everything stands', () => {
  const timeline = new Timeline(HZ);
  assert.equal(timeline.at(0), null);
  timeline.push(7, { players: [player(1, 500)], shots: [] }, 0);
  timeline.push(7, { players: [player(1, 900)], shots: [] }, 1);
  timeline.push(6, { players: [player(1, 900)], shots: [] }, 2);
  for (const nowMs of [0, 100, 1e6]) assert.equal(timeline.at(nowMs).players[0].x, 500);
});

test('whoever appears elsewhere does not fly there', () => {
  const timeline = new Timeline(HZ);
  timeline.push(1, { players: [player(1, 500), player(2, 500, { health: 0 })], shots: [] }, 50);
  timeline.push(2, { players: [player(1, 3000), player(2, 600)], shots: [] }, 100);
  for (let nowMs = 150; nowMs <= 200; nowMs += 5) {
    const [one, other] = timeline.at(nowMs).players;
    assert.ok([500, 3000].includes(one.x) && [500, 600].includes(other.x), `${nowMs}`);
  }
});

test('shots fly on evenly, and one that hits ends within the tick', () => {
  const timeline = new Timeline(HZ);
  const stride = SHOT_SPEED / HZ;
  const shot = (x) => ({ owner: 1, x, y: 1000, direction: 0 });
  timeline.push(1, { players: [], shots: [shot(1000), shot(2000)] }, 50);
  timeline.push(2, { players: [], shots: [shot(1000 + stride)] }, 100);
  const { shots } = timeline.at(175);
  assert.deepEqual(shots.map(({ x }) => x), [1000 + stride / 2, 2000 + stride / 2]);
  assert.equal(timeline.at(200).shots.length, 1);
});

test('angles take the shorter way', () => {
  assert.equal(turned(250, 10, 0.5), 2);
  assert.equal(turned(10, 250, 0.5), 2);
  assert.equal(turned(0, 64, 0.5), 32);
});

// Plays against a server that is `delayMs` away in each direction; the shown positions by frame.
function walk({ delayMs, wishAt, untilMs }) {
  const prediction = new Prediction();
  const [toServer, toClient, shown] = [[], [], []];
  const own = player(1, 500);
  let [sequence, tick, sentMs] = [0, 0, -Infinity];
  for (let nowMs = 0; nowMs < untilMs; nowMs += FRAME_MS) {
    while (tick * PERIOD_MS <= nowMs) {
      const tickMs = tick * PERIOD_MS;
      const come = toServer.filter(({ atMs }) => atMs <= tickMs);
      toServer.splice(0, come.length);
      if (come.length > 0) Object.assign(own, come.at(-1).input);
      own.x += ((own.moveX ?? 0) / 127) * (PLAYER_SPEED / HZ);
      toClient.push({ atMs: tickMs + delayMs, state: { ...own, x: Math.floor(own.x) } });
      tick += 1;
    }
    while (toClient[0]?.atMs <= nowMs) prediction.correct(toClient.shift().state);
    const wish = wishAt(nowMs);
    if (nowMs - sentMs >= PERIOD_MS - 2) {
      sequence += 1;
      sentMs = nowMs;
      prediction.sent(sequence, wish, nowMs);
      toServer.push({ atMs: nowMs + delayMs, input: { ...wish, lastInput: sequence } });
    }
    shown.push({ nowMs, x: prediction.at(nowMs, wish)?.x });
  }
  return { shown, own };
}

test('our own player moves at once, evenly, and ends where the server says', () => {
  const wishAt = (nowMs) => (nowMs >= 1000 && nowMs < 2000 ? EAST : REST);
  for (const delayMs of [5, 40, 100]) {
    const { shown, own } = walk({ delayMs, wishAt, untilMs: 3500 });
    const at = (ms) => shown.findIndex(({ nowMs }) => nowMs >= ms);
    const even = (PLAYER_SPEED * FRAME_MS) / 1000;
    const steps = shown.slice(at(1000), at(2000)).map(({ x }, index) =>
      x - shown[at(1000) + index - 1].x);
    assert.ok(steps[0] > even * 0.5, `${steps[0]} in the first frame, ${delayMs} ms away`);
    for (const step of steps) assert.ok(step > 0 && step < even * 2, `${step}, ${delayMs} ms away`);
    const back = shown.slice(at(2000)).map(({ x }) => shown[at(2000)].x - x);
    assert.ok(Math.max(...back) < 40, `${Math.max(...back)} units back, ${delayMs} ms away`);
    assert.ok(Math.abs(shown.at(-1).x - own.x) < 2, `${shown.at(-1).x} for ${own.x}`);
  }
});

test('an input that the server has applied is not added again', () => {
  const prediction = new Prediction();
  prediction.sent(1, EAST, 0);
  prediction.sent(2, EAST, 50);
  prediction.correct(player(1, 500, { lastInput: 1 }));
  assert.equal(prediction.at(100, REST).x, 500 + PLAYER_SPEED * 0.05);
  const applied = new Prediction();
  applied.sent(1, EAST, 0);
  applied.correct(player(1, 500, { lastInput: 1 }));
  assert.equal(applied.at(100, REST).x, 500);
});

test('nobody walks through walls, nor far without a word of the server', () => {
  const prediction = new Prediction();
  prediction.correct(player(1, 3900));
  let place = prediction.at(0, EAST);
  prediction.sent(1, EAST, 0);
  for (let nowMs = 0; nowMs < 500; nowMs += FRAME_MS) place = prediction.at(nowMs, EAST);
  assert.equal(place.x, 3960);
  prediction.correct(player(1, 500, { lastInput: 1 }));
  prediction.sent(2, EAST, 500);
  for (let nowMs = 500; nowMs < 10_000; nowMs += FRAME_MS) place = prediction.at(nowMs, EAST);
  assert.ok(place.x < 500 + PLAYER_SPEED, `${place.x}`);
  prediction.correct(player(1, 500, { health: 0 }));
  assert.equal(prediction.at(10_000, EAST), null);
});

function room(members, windowMs = 30_000) {
  const joined = { player: 1, room: 4, tickHz: HZ, windowMs };
  return new Room(joined, new Map(members.map((member) => [member.player, member])));
}

test('people are told who is held for how long, who is back, and why somebody left', () => {
  const ada = { player: 1, name: 'ada', presence: 'Here' };
  const bob = { player: 2, name: 'bob', presence: 'Away' };
  const here = room([ada, bob]);
  const change = (changed, left = []) => ({ joined: [], left, changed });
  assert.equal(here.heldSeconds(2, 0), null, 'nobody saw when it began');
  here.handleMembers(change([{ ...bob, before: 'Here' }]), 1000);
  assert.equal(here.heldSeconds(2, 1000), 30);
  assert.equal(here.heldSeconds(2, 11_500), 20);
  here.handleMembers(change([{ ...bob, presence: 'Here', before: 'Away' }]), 12_000);
  assert.equal(here.heldSeconds(2, 12_000), null);
  here.handleMembers(change([], [{ ...bob, cause: 'TimedOut' }]), 13_000);
  here.handleEvent({ kind: 'Down', by: 8, player: 9 }, 13_000);
  here.handleEvent({ kind: 'Down', by: 1, player: 9 }, 13_000);
  here.handleEvent({ kind: 'Down', by: 9, player: 1 }, 13_000);
  const said = here.notices.map(({ text }) => text);
  assert.deepEqual(said, [
    'bob is back', 'bob was silent for too long', 'You brought Somebody down',
    'Somebody brought you down',
  ]);
  here.forget(30_000);
  assert.deepEqual([here.notices, here.gone], [[], []]);
});

test('who has come and gone is forgotten, also by a page that nobody looks at', () => {
  const ada = { player: 1, name: 'ada', presence: 'Here' };
  const members = new Map([[1, ada]]);
  const here = new Room({ player: 1, room: 4, tickHz: HZ, windowMs: 0 }, members);
  const timeline = new Timeline(HZ);
  const stay = { room: here, timeline, seen: new Map() };
  const comesAndGoes = (number, nowMs) => {
    const guest = { player: number, name: `p${number}`, presence: 'Here' };
    members.set(number, guest);
    here.handleMembers({ joined: [guest], left: [], changed: [] }, nowMs);
    timeline.push(number, { players: [player(1, 500), player(number, 700)], shots: [] }, nowMs);
    return () => {
      members.delete(number);
      const left = [{ ...guest, cause: 'Goodbye' }];
      here.handleMembers({ joined: [], left, changed: [] }, nowMs + 1000);
    };
  };
  const wish = { ...REST, aim: 0, fire: false };
  // Hidden: nothing is drawn, and nothing asks the room to forget.
  for (let number = 2; number < 500; number += 1) comesAndGoes(number, number * 10)();
  assert.ok(here.gone.length <= 50, `${here.gone.length} have left`);
  assert.equal(here.gone.at(-1).player, 499, 'the last ones are kept');
  // Seen: each is drawn, leaves, fades and is forgotten.
  for (let number = 500; number < 600; number += 1) {
    const nowMs = number * 10_000;
    const leave = comesAndGoes(number, nowMs);
    makeScene(stay, null, wish, nowMs + 1000);
    leave();
    for (const laterMs of [2000, 2100]) {
      const fading = makeScene(stay, null, wish, nowMs + laterMs).gone;
      assert.deepEqual(fading.map(({ text }) => text), [`p${number} left`]);
    }
    here.forget(nowMs + 9000);
  }
  makeScene(stay, null, wish, 1e9);
  assert.ok(stay.seen.size <= 3, `${stay.seen.size} places are remembered`);
});

test('a scene marks who is stalled, away, down or gone', () => {
  const members = ['Here', 'Stalled', 'Away', 'Here'].map((presence, index) =>
    ({ player: index + 1, name: `p${index + 1}`, presence }));
  const here = room(members);
  const timeline = new Timeline(HZ);
  const players = [player(1, 500), player(2, 600), player(3, 700),
    player(4, 800, { health: 0, respawnTicks: 30 }), player(5, 900)];
  timeline.push(1, { players, shots: [] }, 0);
  const stay = { room: here, timeline, seen: new Map() };
  const wish = { ...EAST, aim: 9, fire: false };
  const scene = makeScene(stay, { x: 510, y: 1000 }, wish, 0);
  const [me, stalled, away, down, stranger] = scene.players;
  assert.deepEqual([me.x, me.aim, me.isMe, me.note], [510, 9, true, '']);
  assert.deepEqual([stalled.mark, stalled.note], ['\u2026', 'stalled']);
  assert.equal(away.note, 'away');
  assert.equal(down.note, 'back in 1.5 s');
  assert.equal(stranger.name, '');
  here.handleMembers({ joined: [], left: [{ ...members[1], cause: 'Kicked' }], changed: [] }, 10);
  const later = makeScene(stay, null, wish, 10);
  assert.equal(later.players.length, 4, 'who has left is not drawn, whatever the snapshot says');
  const [gone] = later.gone;
  assert.deepEqual([gone.x, gone.text, gone.share], [600, 'p2 was removed', 1]);
  assert.ok(makeScene(stay, null, wish, 2000).gone[0].share < 0.5);
});
