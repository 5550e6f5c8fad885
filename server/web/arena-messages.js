// The arena's own messages, as docs/protocol.md has them: what is in the bodies, and nothing more.
//
// Data flow: body of a snapshot or an event -> here -> the game's state; controls -> here -> body
// of an input. It knows the numbers of the rules that a client needs and no rule.

import { Reader, Writer } from './gamekeeper.js';

/** Width and height of the field, in units; x grows to the right and y downwards. */
export const FIELD_SIZE = 4000;
/** A player is a circle of this radius, in units. */
export const PLAYER_RADIUS = 40;
/** Health of a player that has just (re)appeared, in points. */
export const HEALTH_MAX = 100;
/** Angles are in 1/256 of a turn, clockwise from east. */
export const TURN = 256;
/** A full wish in one direction. */
export const FULL_SPEED = 127;
/** How fast a player is at full speed, in units per second. */
export const PLAYER_SPEED = 600;
/** How fast a shot is, in units per second. */
export const SHOT_SPEED = 1600;

/** Encodes what a player wants until it says otherwise. */
export function encodeInput({ moveX, moveY, aim, fire }) {
  return new Writer().i8(moveX).i8(moveY).u8(aim).bool(fire).finish();
}

/** Decodes the state of the arena at one tick; throws a WireError if it is none. */
export function decodeSnapshot(body) {
  const reader = new Reader(body);
  const snapshot = { players: reader.list(readPlayer), shots: reader.list(readShot) };
  reader.end();
  return snapshot;
}

/** Decodes something that happened; throws a WireError if it is nothing that can. */
export function decodeEvent(body) {
  const reader = new Reader(body);
  const event = reader.variant(2) === 0
    ? { kind: 'Down', by: reader.u32(), player: reader.u32() }
    : { kind: 'Respawned', player: reader.u32() };
  reader.end();
  return event;
}

function readPlayer(reader) {
  return {
    player: reader.u32(),
    x: reader.i16(),
    y: reader.i16(),
    aim: reader.u8(),
    health: reader.u8(),
    respawnTicks: reader.u8(),
    score: reader.u16(),
    lastInput: reader.u32(),
  };
}

function readShot(reader) {
  return { owner: reader.u32(), x: reader.i16(), y: reader.i16(), direction: reader.u8() };
}
