// The page: plays the arena of the server that it came from.
//
// Data flow: gamekeeper.js -> Stay (room, timeline, prediction) -> a scene per frame -> drawing.js;
// controls.js -> inputs, once per tick -> gamekeeper.js. The parts do not know each other; they
// meet here. What is remembered over a reload is in memory.js.

import { decodeEvent, decodeSnapshot, encodeInput } from './arena-messages.js';
import { Controls } from './controls.js';
import { Drawing } from './drawing.js';
import { connect } from './gamekeeper.js';
import { Timeline } from './interpolation.js';
import {
  madeUpName, storeName, storeWayBack, storedName, storedWayBack,
} from './memory.js';
import { Panel } from './panel.js';
import { Prediction } from './prediction.js';
import { Room } from './room.js';
import { makeScene } from './scene.js';

/** Between two measured round trips, and between two looks at the scores, in ms. */
const PING_EVERY_MS = 1000;
const PANEL_EVERY_MS = 250;
const REST = { moveX: 0, moveY: 0, aim: 0, fire: false };

const canvas = document.getElementById('arena');
const drawing = new Drawing(canvas);
const controls = new Controls(canvas);
const panel = new Panel({ again, leave: () => client.leave(), rename });

let name = storedName() ?? madeUpName();
let client = null;
// What is known of our seat; `null` before the first one.
let stay = null;
let stateMs = 0;
let panelMs = 0;

play(storedWayBack());
panel.name = name;
if (storedName() === null) panel.offerName();
controls.onFirst = () => panel.hideHelp();
requestAnimationFrame(drawFrame);
setInterval(() => client.ping(), PING_EVERY_MS);
addEventListener('online', () => client.retryNow());
addEventListener('pagehide', () => storeWayBack(client.wayBack));
document.addEventListener('visibilitychange', handleVisibility);

function play(wayBack) {
  client = connect({ url: '/ws', game: 'arena', name, wayBack });
  client.on('state', handleState);
  client.on('joined', (joined) => {
    stay = newStay(joined);
    storeWayBack(client.wayBack);
    // A seat that was kept keeps its name.
    name = client.members.get(joined.player)?.name ?? name;
    panel.name = name;
  });
  client.on('snapshot', readable((snapshot) => handleSnapshot(snapshot)));
  client.on('event', readable(({ body }) => {
    storeWayBack(client.wayBack);
    stay.room.handleEvent(decodeEvent(body), performance.now());
  }));
  client.on('members', (change) => stay.room.handleMembers(change, performance.now()));
  client.on('rtt', ({ ms }) => { stay.rttMs = ms; });
}

function newStay(joined) {
  const room = new Room(joined, client.members);
  const snapshotMs = [];
  if (joined.arrival === 'back') room.say('Welcome back to your seat', performance.now());
  return {
    room, snapshotMs, timeline: new Timeline(room.tickHz), prediction: new Prediction(),
    skippedTicks: 0, rttMs: null, sent: REST, sentMs: 0, seen: new Map(),
  };
}

function handleState(state) {
  stateMs = performance.now();
  if (state.kind === 'reconnecting' || state.kind === 'ended') storeWayBack(client.wayBack);
  if (state.why?.reason === 'BadName') panel.askName('The server does not like this name.');
  panelMs = 0;
}

function handleSnapshot({ tick, body, skippedTicks }) {
  const nowMs = performance.now();
  const snapshot = decodeSnapshot(body);
  stay.timeline.push(tick, snapshot, nowMs);
  stay.prediction.correct(snapshot.players.find(({ player }) => player === stay.room.me));
  stay.skippedTicks += skippedTicks;
  stay.snapshotMs = [...stay.snapshotMs.filter((atMs) => atMs > nowMs - 1000), nowMs];
}

// A page that is older than its server cannot play, and says so once instead of at every tick.
function readable(listener) {
  return (detail) => {
    try {
      listener(detail);
    } catch (error) {
      console.error(error);
      client.leave();
      stay.room.say('This page cannot read what the server says. Reload it.', performance.now());
    }
  };
}

function again() {
  if (client.state.kind === 'ended') play(null);
  else client.retryNow();
  panelMs = 0;
}

function rename(chosen) {
  storeName(chosen);
  if (chosen === name && client.state.kind !== 'ended') return;
  name = chosen;
  client.leave();
  play(null);
}

// Nobody steers in a tab that is not seen.
function handleVisibility() {
  if (document.hidden) client.sendInput(encodeInput({ ...REST, aim: stay?.sent.aim ?? 0 }));
  else client.retryNow();
}

function drawFrame(frameMs) {
  requestAnimationFrame(drawFrame);
  const nowMs = Math.max(frameMs, performance.now());
  if (stay !== null) {
    const { wish } = controls;
    steer(wish, nowMs);
    const isPlaying = client.state.kind === 'playing';
    const own = isPlaying ? stay.prediction.at(nowMs, wish) : null;
    const scene = makeScene(stay, own, wish, nowMs);
    drawing.draw({ ...scene, sticks: controls.sticks, isTouch: controls.isTouch });
    controls.centre = drawing.place(scene.centre);
  }
  if (nowMs - panelMs >= PANEL_EVERY_MS) updatePanel(nowMs);
}

// Once per tick, and at once when the wish is another one, but not more than twice per tick.
function steer(wish, nowMs) {
  const periodMs = 1000 / stay.room.tickHz;
  const { sent, sentMs } = stay;
  const isOther = Object.keys(REST).some((key) => key !== 'aim' && wish[key] !== sent[key]);
  if (nowMs - sentMs < (isOther ? periodMs / 2 : periodMs - 2)) return;
  const sequence = client.sendInput(encodeInput(wish));
  if (sequence === null) return;
  stay.prediction.sent(sequence, wish, nowMs);
  stay.sent = wish;
  stay.sentMs = nowMs;
}

function updatePanel(nowMs) {
  panelMs = nowMs;
  const { state } = client;
  const isWaiting = state.kind === 'reconnecting';
  const waitMs = isWaiting ? Math.max(0, state.delayMs - (nowMs - stateMs)) : null;
  panel.showState(state, waitMs, stay?.rttMs ?? null);
  if (stay === null) return;
  const { room, snapshotMs, skippedTicks, rttMs, timeline } = stay;
  room.forget(nowMs);
  panel.showNotices(room.notices);
  const perSecond = snapshotMs.filter((atMs) => atMs > nowMs - 1000).length;
  panel.showFigures({ rttMs, perSecond, tickHz: room.tickHz, skippedTicks, room: room.number });
  const scores = new Map(timeline.newest?.players.map(({ player, score }) => [player, score]));
  const rows = room.members.map(({ player, name: called, presence }) => ({
    name: called, presence, score: scores.get(player) ?? 0,
    colour: drawing.colour(player), isMe: player === room.me,
  }));
  const absent = ({ presence }) => Number(presence === 'Away');
  rows.sort((one, other) => absent(one) - absent(other) || other.score - one.score);
  panel.showScores(rows);
}
