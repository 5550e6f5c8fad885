// The browser client in a world of memory: heartbeat, ends, new attempts, the way back to a seat.
//
// Which ends are worth a new attempt, and which keep the seat, is compared with what the native
// client does: tests/it/javascript.rs leaves its verdicts beside the values of the examples.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { Writer } from '../../server/web/gamekeeper.js';
import { message } from './document.mjs';
import { World } from './world.mjs';

const PING = 2;
const GOODBYE = [4];
const path = process.env.GOLDEN_VALUES;
const skip = !path && 'the verdicts come from `cargo test -p gamekeeper-tests javascript`';

function member(writer, { player, name }) {
  writer.u32(player).string(name).variant(0);
}

function welcome({ player = 2, room = 1, seats = 16, eventsBefore = 0, ticket = 7, members } = {}) {
  const all = members ?? [{ player, name: 'ada' }];
  const writer = new Writer().variant(0).u32(player).u32(room).u32(300).u16(20).u16(seats);
  writer.string('arena').list(all, member).u32(eventsBefore);
  return writer.option(ticket, (out, byte) =>
    out.array(Array(32).fill(byte), (one, value) => one.u8(value)).u32(30_000)).finish();
}

function event(tick = 301) {
  return new Writer().variant(2).u32(tick).bytes([1, 2]).finish();
}

function joined(...members) {
  return new Writer().variant(3).u32(301).list(members, member).u64(0).u64(0).finish();
}

function goodbye(reason, text = '') {
  const writer = new Writer().variant(6).variant(reason);
  return (reason === 0 ? writer.u16(7) : writer).string(text).finish();
}

function playing(options) {
  const world = new World(options);
  world.open(welcome());
  assert.equal(world.client.state.kind, 'playing');
  return world;
}

test('it says hello, is welcome, and knows everybody', () => {
  const world = new World();
  world.open(message('server.welcome'));
  assert.deepEqual(Uint8Array.from(world.socket.sent[0]), message('client.hello'));
  const [detail] = world.of('joined');
  assert.equal(detail.player, 2);
  assert.equal(detail.arrival, 'new');
  assert.equal(detail.windowMs, 30_000);
  assert.deepEqual([...world.client.members.keys()], [1, 2]);
  assert.equal(world.client.members.get(1).presence, 'Away');
});

test('a ping is answered with its nonce, before the welcome too', () => {
  const world = new World();
  world.open(message('server.ping'));
  assert.deepEqual(world.socket.sent[1], [3, 250]);
});

test('inputs are numbered from 1, and nobody who does not play sends any', () => {
  const world = new World();
  assert.equal(world.client.sendInput([1]), null);
  world.open(welcome());
  assert.equal(world.client.sendInput([9, 8]), 1);
  assert.deepEqual(world.socket.sent[1], [1, 1, 2, 9, 8]);
  assert.equal(world.client.sendInput([9, 8]), 2);
  assert.throws(() => world.client.sendInput(new Uint8Array(5000)), RangeError);
  assert.equal(world.client.sendInput([9, 8]), 3, 'what was not sent has no number');
});

test('snapshots say how many ticks were skipped', () => {
  const world = playing();
  const snapshot = (tick) => new Writer().variant(1).u32(tick).bytes([5]).finish();
  for (const tick of [301, 302, 306]) world.socket.receive(snapshot(tick));
  assert.deepEqual(world.of('snapshot').map(({ skippedTicks }) => skippedTicks), [0, 0, 3]);
  assert.deepEqual(Array.from(world.of('snapshot')[0].body), [5]);
});

test('members come, change and go', () => {
  const world = playing();
  world.socket.receive(joined({ player: 3, name: 'cy' }, { player: 1, name: 'bob' }));
  const changed = new Writer().variant(3).u32(302).u64(0).u64(0);
  changed.list([[3, 1], [99, 2]], (out, [player, presence]) => out.u32(player).variant(presence));
  world.socket.receive(changed.finish());
  const left = new Writer().variant(3).u32(303).u64(0);
  left.list([[3, 2], [98, 1]], (out, [player, cause]) => out.u32(player).variant(cause)).u64(0);
  world.socket.receive(left.finish());
  const [, change, gone] = world.of('members');
  const cy = { player: 3, name: 'cy', presence: 'Stalled' };
  assert.deepEqual(change.changed, [{ ...cy, before: 'Here' }]);
  assert.deepEqual(gone.left, [{ ...cy, cause: 'TimedOut' }]);
  assert.deepEqual([...world.client.members.keys()], [2, 1]);
});

test('a silent server is asked after two seconds and given up after six', () => {
  const world = playing();
  world.pass(1_999);
  assert.equal(world.socket.sent.length, 1);
  world.pass(1);
  assert.equal(world.socket.sent[1][0], PING);
  world.pass(3_999);
  assert.equal(world.client.state.kind, 'playing');
  world.pass(1);
  assert.equal(world.client.state.why.kind, 'silent');
  assert.ok(world.sockets[0].isClosed);
});

test('who answers is not given up, and the answer is a round trip', () => {
  const world = playing();
  for (let round = 0; round < 5; round += 1) {
    world.pass(2_000);
    assert.equal(world.socket.sent.at(-1)[0], PING, 'it asks again after every answer');
    world.pass(40);
    world.socket.receive([5, world.socket.sent.at(-1)[1]]);
  }
  assert.deepEqual(world.of('rtt'), Array(5).fill({ ms: 40 }));
  assert.equal(world.client.state.kind, 'playing');
});

test('a pong that was not asked for, or comes again, is harmless and measures nothing', () => {
  const world = playing();
  world.socket.receive([5, 1]);
  world.client.ping();
  world.pass(10);
  world.socket.receive([5, 9]);
  world.pass(20);
  for (const nonce of [1, 1]) world.socket.receive([5, nonce]);
  assert.deepEqual(world.of('rtt'), [{ ms: 30 }]);
  assert.equal(world.client.state.kind, 'playing');
});

test('pings that no welcome follows are no answer', () => {
  const world = new World();
  world.open();
  for (let second = 0; second < 6; second += 1) {
    world.socket.receive(message('server.ping'));
    world.pass(1_000);
  }
  assert.equal(world.client.state.why.kind, 'silent');
});

test('a connection that is never made is given up after five seconds', () => {
  const world = new World();
  world.pass(5_000);
  assert.equal(world.client.state.why.kind, 'unreachable');
});

test('a machine that slept holds nothing against the server', () => {
  const world = playing();
  world.sleep(3_600_000);
  assert.equal(world.client.state.kind, 'playing');
  assert.equal(world.socket.sent.at(-1)[0], PING, 'but it asks');
  world.pass(3_999);
  assert.equal(world.client.state.kind, 'playing');
  world.pass(1);
  assert.equal(world.client.state.why.kind, 'silent', 'and gives up who does not answer');
});

test('a server that speaks and takes nothing is given up', () => {
  const world = playing();
  world.socket.bufferedAmount = 10;
  for (let second = 0; second < 6; second += 1) {
    world.socket.receive(event());
    assert.equal(world.client.state.kind, 'playing');
    world.pass(1_000);
  }
  world.socket.receive(event());
  assert.equal(world.client.state.why.kind, 'deaf');
  const flooded = playing();
  flooded.socket.bufferedAmount = 65_537;
  flooded.client.sendInput([1]);
  assert.equal(flooded.client.state.why.kind, 'deaf');
});

test('a lost connection takes its seat again, with the new ticket and the events heard', () => {
  const world = playing();
  for (let count = 0; count < 3; count += 1) world.socket.receive(event());
  world.client.sendInput([1]);
  world.socket.lose();
  const { attempt, delayMs, resuming, why } = world.client.state;
  assert.deepEqual([attempt, delayMs, resuming, why.kind], [1, 125, true, 'closed']);
  world.pass(delayMs);
  assert.equal(world.sockets.length, 2);
  world.open(welcome({ eventsBefore: 5, ticket: 9 }));
  const ticket = Array(32).fill(7);
  assert.deepEqual(world.socket.sent[0], [0, 0x47, 0x4b, 0x50, 0x52, 1, 0, 0, 1, ...ticket, 3]);
  const [, back] = world.of('joined');
  assert.deepEqual([back.arrival, back.eventsLost], ['back', 2]);
  assert.equal(world.client.wayBack.ticket, '09'.repeat(32));
  assert.equal(world.client.wayBack.eventsSeen, 5);
  assert.equal(world.client.sendInput([1]), 2, 'the numbers of inputs go on');
});

test('a kept way back is JSON, and another page goes on with it', () => {
  const first = playing();
  first.socket.receive(event());
  first.client.sendInput([1]);
  const wayBack = JSON.parse(JSON.stringify(first.client.wayBack));
  const world = new World({ wayBack });
  world.open(welcome({ eventsBefore: 1 }));
  assert.equal(world.of('joined')[0].arrival, 'back');
  assert.equal(world.client.sendInput([1]), 2);
  for (const bad of [
    { ...wayBack, url: 'ws://other/ws' }, { ...wayBack, ticket: 'x' }, { ...wayBack, player: -1 },
    { ...wayBack, eventsSeen: '1' }, 7, 'x', {}, null, undefined,
  ]) {
    const stranger = new World({ wayBack: bad });
    stranger.open();
    assert.deepEqual(Uint8Array.from(stranger.socket.sent[0]), message('client.hello'));
  }
});

test('a refused ticket is followed by a hello for a new seat', () => {
  const world = playing();
  world.socket.lose();
  world.pass(1_000);
  world.open(goodbye(14));
  assert.equal(world.client.state.resuming, false);
  world.pass(1_000);
  world.open(welcome({ player: 8 }));
  assert.deepEqual(Uint8Array.from(world.socket.sent[0]), message('client.hello'));
  assert.equal(world.of('joined')[1].arrival, 'new');
  assert.equal(world.client.sendInput([1]), 1);
});

test('waits double up to ten seconds, are spread, and a steady game begins anew', () => {
  const world = playing({ random: 1 });
  const waits = [];
  for (let round = 0; round < 8; round += 1) {
    world.pass(1_000);
    world.socket.lose();
    waits.push(world.client.state.delayMs);
    world.pass(world.client.state.delayMs);
    world.open(welcome());
  }
  assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
  for (let second = 0; second < 5; second += 1) {
    world.pass(1_000);
    world.socket.receive(event());
  }
  world.random = 0.1;
  world.socket.lose();
  assert.deepEqual([world.client.state.attempt, world.client.state.delayMs], [1, 25]);
  world.client.retryNow();
  assert.equal(world.client.state.kind, 'connecting');
});

test('who leaves says goodbye and stays away', () => {
  const world = playing();
  world.client.leave();
  assert.deepEqual(world.socket.sent.at(-1), GOODBYE);
  assert.ok(world.socket.isClosed);
  assert.deepEqual([world.client.state.kind, world.client.state.why.kind], ['ended', 'left']);
  assert.equal(world.client.wayBack, null);
  assert.equal(world.client.sendInput([1]), null);
  world.pass(60_000);
  assert.equal(world.sockets.length, 1);
  const waiting = playing();
  waiting.socket.lose();
  waiting.client.leave();
  waiting.pass(60_000);
  assert.deepEqual([waiting.client.state.kind, waiting.sockets.length], ['ended', 1]);
});

test('every goodbye is followed by what the native client would do', { skip }, () => {
  const { verdicts } = JSON.parse(readFileSync(path, 'utf8'));
  assert.equal(verdicts.length, 15);
  for (const [number, { reason, retry, keepsSeat }] of verdicts.entries()) {
    const world = playing();
    world.socket.receive(goodbye(number, 'so\u0007 long'));
    const { kind, resuming, why } = world.client.state;
    assert.equal(why.reason, reason);
    assert.equal(why.message, 'so  long', 'without control characters');
    assert.equal(kind, retry ? 'reconnecting' : 'ended', reason);
    if (retry) assert.equal(resuming, keepsSeat, reason);
    assert.ok(keepsSeat || world.client.wayBack === null, reason);
  }
});

test('a refusal by a server of another version is understood, whatever follows', () => {
  const world = new World();
  world.open([6, 0, 0xfb, 0x2c, 0x01, 0xff, 0xff]);
  assert.equal(world.client.state.why.reason, 'VersionUnsupported');
  assert.equal(world.client.state.why.server, 300);
});

test('a server that breaks the protocol loses its seat and its player', () => {
  const crowd = Array.from({ length: 17 }, (_, player) => ({ player, name: 'x' }));
  const sneaky = [[], [7], [1, 1, 0, 9], 'text', message('server.welcome'), [2, 1]];
  const cases = [
    ...sneaky.map((bytes) => [welcome(), bytes]),
    [event()], [message('server.snapshot')], [joined()], [welcome({ members: crowd })],
    [welcome(), joined(...crowd)], [welcome(), joined({ player: 5, name: 'x'.repeat(33) })],
  ];
  for (const messages of cases) {
    const world = new World();
    world.open(...messages);
    const { kind, why, resuming } = world.client.state;
    assert.deepEqual([kind, why?.kind, resuming], ['reconnecting', 'misbehaved', false], messages);
    assert.ok(world.sockets[0].isClosed);
  }
  const world = playing();
  world.socket.receive('text');
  assert.match(world.client.state.why.text, /messages are binary/);
});

test('a welcome to another seat, or with events that were heard, is refused', () => {
  for (const wrong of [{ player: 3 }, { room: 9 }, { eventsBefore: 0 }]) {
    const world = playing();
    world.socket.receive(event());
    world.socket.lose();
    world.pass(1_000);
    world.open(welcome({ eventsBefore: 1, ...wrong }));
    assert.equal(world.client.state.why.kind, 'misbehaved', JSON.stringify(wrong));
  }
});

test('names that cannot be said are refused at once, and addresses become those of sockets', () => {
  assert.throws(() => new World({ name: 'x'.repeat(33) }), RangeError);
  assert.throws(() => new World({ game: 'ä'.repeat(17) }), RangeError);
  assert.equal(new World({ url: 'https://game/ws' }).socket.url, 'wss://game/ws');
});
