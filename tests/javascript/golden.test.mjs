// The browser client against the examples of docs/protocol.md, which Rust is checked against too.
//
// What each example means is said by the Rust side: tests/it/javascript.rs decodes the bytes with
// the server's own code and leaves the values in the file that GOLDEN_VALUES names. Without that
// file, as when these tests are run by hand, only the lines about single values are checked.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import * as arena from '../../server/web/arena-messages.js';
import {
  PROTOCOL_VERSION, Reader, WireError, Writer, decodeServerMessage, encodeClientMessage,
} from '../../server/web/gamekeeper.js';
import { bytesOf, constants, examples, message, values } from './document.mjs';

const { decodeEvent, decodeSnapshot, encodeInput } = arena;
const path = process.env.GOLDEN_VALUES;
const golden = path ? JSON.parse(readFileSync(path, 'utf8')) : null;
const skip = golden === null && 'the values come from `cargo test -p gamekeeper-tests javascript`';

// How to read, write and parse each type of the `values` blocks.
const plain = (type) => [(reader) => reader[type](), (writer, value) => writer[type](value)];
const TYPES = {
  bool: [...plain('bool'), (text) => text === 'true'],
  u8: [...plain('u8'), Number],
  u16: [...plain('u16'), Number],
  u32: [...plain('u32'), Number],
  u64: [...plain('u64'), BigInt],
  i8: [...plain('i8'), Number],
  i16: [...plain('i16'), Number],
  string: [...plain('string'), JSON.parse],
  bytes: [...plain('bytes'), bytesOf],
  'option(u32)': [
    (reader) => reader.option((one) => one.u32()),
    (writer, value) => writer.option(value, (one, number) => one.u32(number)),
    (text) => (text === 'none' ? null : Number(text)),
  ],
  'list(u16)': [
    (reader) => reader.list((one) => one.u16()),
    (writer, value) => writer.list(value, (one, number) => one.u16(number)),
    numbers,
  ],
  'array(u16,3)': [
    (reader) => reader.array(3, (one) => one.u16()),
    (writer, value) => writer.array(value, (one, number) => one.u16(number)),
    numbers,
  ],
};

function numbers(text) {
  return text.slice(1, -1).split(' ').filter(Boolean).map(Number);
}

function read(type, hex) {
  const reader = new Reader(bytesOf(hex));
  const value = TYPES[type][0](reader);
  reader.end();
  return value;
}

test('every line about the encoding of values is true', () => {
  assert.ok(values.length > 40, `${values.length} lines`);
  for (const line of values) {
    const [, type, rest] = line.match(/^(\S+)\s+(.*)$/);
    if (rest.startsWith('refuses')) {
      assert.throws(() => read(type, rest.slice('refuses'.length)), WireError, line);
      continue;
    }
    const [, text, sign, hex] = rest.match(/^(.*?)\s*([=<])\s((?:[0-9a-f]{2}\s*)+)$/);
    const [, write, parse] = TYPES[type];
    const value = parse(text);
    assert.deepEqual(read(type, hex), value, line);
    const writer = new Writer();
    write(writer, value);
    const same = Buffer.compare(writer.finish(), bytesOf(hex)) === 0;
    assert.equal(same, sign === '=', line);
  }
});

// What Rust calls `events_before` and `{"Welcome": {…}}` is `eventsBefore` and `kind: 'Welcome'`.
function asJavaScript(value) {
  if (Array.isArray(value)) return value.map(asJavaScript);
  if (value === null || typeof value !== 'object') return value;
  const fields = Object.entries(value).flatMap(([key, inner]) => {
    const name = key.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
    // A reason with fields of its own: they stand beside it.
    if (key === 'reason' && typeof inner === 'object') {
      const [[reason, own]] = Object.entries(inner);
      return [['reason', reason], ...Object.entries(own)];
    }
    return [[name, asJavaScript(inner)]];
  });
  return Object.fromEntries(fields);
}

function asMessage(value) {
  if (typeof value === 'string') return { kind: value };
  const [[kind, fields]] = Object.entries(value);
  return { kind, ...asJavaScript(fields) };
}

// Bytes as Rust writes them into JSON.
function plainly(value) {
  return JSON.parse(JSON.stringify(value, (_, inner) =>
    (inner instanceof Uint8Array ? Array.from(inner) : inner)));
}

function ofKind(prefix) {
  const found = golden.values.filter(({ name }) => name.startsWith(prefix));
  assert.ok(found.length > 0, prefix);
  return found;
}

test('Rust reads the same bytes in the document', { skip }, () => {
  for (const { name, bytes } of golden.values) {
    assert.deepEqual(examples.get(name), bytesOf(bytes), name);
  }
});

test('every message of the server decodes to what Rust says', { skip }, () => {
  for (const { name, value } of ofKind('server.')) {
    assert.deepEqual(plainly(decodeServerMessage(message(name))), asMessage(value), name);
  }
});

test('a damaged message means what it means to Rust, or nothing to both', { skip }, () => {
  let accepted = 0;
  for (const { bytes, value, version } of golden.damaged) {
    const decode = () => plainly(decodeServerMessage(bytesOf(bytes)));
    if (value === null && version === null) {
      assert.throws(decode, WireError, bytes);
      continue;
    }
    accepted += 1;
    const refusal = { kind: 'Goodbye', reason: 'VersionUnsupported', server: version, text: '' };
    assert.deepEqual(decode(), value === null ? refusal : asMessage(value), bytes);
  }
  assert.ok(accepted > golden.damaged.length / 10, `${accepted} of them mean something`);
  assert.ok(accepted < golden.damaged.length * 0.9, `${accepted} of them mean something`);
});

test('every cause of a leave is what Rust says', { skip }, () => {
  for (const { name, value } of ofKind('cause.')) {
    const members = [3, 9, 0, 1, 7, ...examples.get(name), 0];
    const { left } = decodeServerMessage(Uint8Array.from(members));
    assert.deepEqual(left, [{ player: 7, cause: value }], name);
  }
});

test('every message of a client is encoded as in the document', { skip }, () => {
  for (const { name, value } of ofKind('client.')) {
    assert.deepEqual(encodeClientMessage(asMessage(value)), message(name), name);
  }
});

test('the bodies of the arena are what Rust says', { skip }, () => {
  for (const { name, value } of ofKind('arena.input')) {
    assert.deepEqual(encodeInput(asJavaScript(value)), examples.get(name), name);
  }
  for (const { name, value } of ofKind('arena.snapshot')) {
    assert.deepEqual(decodeSnapshot(examples.get(name)), asJavaScript(value), name);
  }
  for (const { name, value } of ofKind('arena.event')) {
    assert.deepEqual(decodeEvent(examples.get(name)), asMessage(value), name);
  }
});

test('the numbers of the arena are those of the document', () => {
  const names = ['FIELD_SIZE', 'PLAYER_RADIUS', 'HEALTH_MAX', 'PLAYER_SPEED', 'SHOT_SPEED'];
  for (const name of names) assert.equal(arena[name], constants.get(name), name);
  assert.equal(PROTOCOL_VERSION, constants.get('PROTOCOL_VERSION'));
});

test('any bytes decode or fail cleanly', () => {
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 8;
  };
  const samples = [...examples].filter(([name]) => name.startsWith('server.'));
  for (let round = 0; round < 5_000; round += 1) {
    const bytes = message(samples[random() % samples.length][0]).slice(0, 1 + (random() % 80));
    for (let change = random() % 4; change > 0; change -= 1) {
      bytes[random() % bytes.length] = random();
    }
    for (const decode of [decodeServerMessage, decodeSnapshot, decodeEvent]) {
      try {
        decode(bytes);
      } catch (error) {
        assert.ok(error instanceof WireError, `${error.stack} for ${bytes}`);
      }
    }
  }
});

test('what does not fit is not written', () => {
  const writer = () => new Writer();
  for (const write of [
    () => writer().u8(256), () => writer().i8(-129), () => writer().u16(-1),
    () => writer().u32(2 ** 32), () => writer().i16(0.5), () => writer().u64(-1),
    () => encodeClientMessage({ kind: 'Input', sequence: 1, body: new Uint8Array(4096) }),
    () => encodeClientMessage({ kind: 'Welcome' }),
  ]) {
    assert.throws(write, RangeError);
  }
});
