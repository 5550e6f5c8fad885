// What one frame shows: the players of a moment, with their names and marks.
//
// Data flow: a stay (room, timeline) and our own predicted position -> a scene -> drawing.js. It
// puts into words what a player's presence means. It has no clock and draws nothing.

import { FIELD_SIZE } from './arena-messages.js';

const MIDDLE = { x: FIELD_SIZE / 2, y: FIELD_SIZE / 2 };
/** How long somebody who left fades, in ms: no longer than the room remembers it. */
const FADE_MS = 3000;

/**
 * The scene at `nowMs`. `own` is where we are, `null` if that is not known better than from the
 * server; `wish` is what we want, so that we turn at once. `stay.seen` remembers places, of those
 * only who are here or fade.
 */
export function makeScene(stay, own, wish, nowMs) {
  const { room, timeline, seen } = stay;
  const { players, shots } = timeline.at(nowMs) ?? { players: [], shots: [] };
  const shown = players
    .filter(({ player }) => !room.gone.some((gone) => gone.player === player))
    .map((player) => describe(player, room, own, wish, nowMs));
  for (const { player, x, y } of shown) seen.set(player, { x, y });
  const me = shown.find(({ isMe }) => isMe);
  const gone = room.gone.filter(({ player }) => seen.has(player)).map(
    ({ player, name, why, untilMs }) => ({
      ...seen.get(player), text: `${name} ${why}`, share: fraction((untilMs - nowMs) / FADE_MS),
    }),
  );
  const centre = me ?? seen.get(room.me) ?? MIDDLE;
  for (const player of seen.keys()) {
    if (player !== room.me && !room.knows(player)) seen.delete(player);
  }
  return { centre, players: shown, shots, gone };
}

function describe(player, room, own, wish, nowMs) {
  const isMe = player.player === room.me;
  const { name, presence } = room.member(player.player);
  const place = isMe && own !== null && player.health > 0 ? { ...own, aim: wish.aim } : {};
  return { ...player, ...place, isMe, name, presence, ...remarks(player, presence, room, nowMs) };
}

function remarks({ player, health, respawnTicks }, presence, room, nowMs) {
  if (presence === 'Away') {
    const seconds = room.heldSeconds(player, nowMs);
    return { mark: '', note: seconds === null ? 'away' : `away, ${seconds} s left` };
  }
  if (health === 0) {
    return { mark: '\u00d7', note: `back in ${(respawnTicks / room.tickHz).toFixed(1)} s` };
  }
  if (presence === 'Stalled') return { mark: '\u2026', note: 'stalled' };
  return { mark: '', note: '' };
}

function fraction(value) {
  return Math.min(Math.max(value, 0), 1);
}
