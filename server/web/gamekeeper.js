// The client side of the Gamekeeper protocol, version 1, over WebSocket: docs/protocol.md.
//
// Data flow: WebSocket message -> Reader -> Conversation -> Client -> the game's listeners;
// the game's input -> Client -> Conversation -> Writer -> WebSocket message.
//
// It keeps a seat alive, measures silence, and takes the seat again when a connection is lost. It
// knows no game: the bodies of inputs, snapshots and events are bytes, for which Reader and Writer
// are exported. It stores nothing and draws nothing. What a game may call is in gamekeeper.d.ts.

export const PROTOCOL_VERSION = 1;

// Limits of the protocol, in bytes.
const CLIENT_MESSAGE_BYTES_MAX = 4096;
const SERVER_MESSAGE_BYTES_MAX = 262_144;
const NAME_BYTES_MAX = 32;
const GOODBYE_TEXT_BYTES_MAX = 256;
const TICKET_BYTES = 32;

// The client's own patience, as the protocol recommends it.
const CONNECT_TIMEOUT_MS = 5_000;
const PING_AFTER_MS = 2_000;
const SERVER_LOST_AFTER_MS = 6_000;
// A timer that comes later than this was held up by this machine, and not by the server.
const PAUSE_MS = 500;
// More than this unsent, and the server does not read.
const OUTBOUND_BYTES_MAX = 65_536;
// A game that lasted for this long was worth its connect.
const STEADY_AFTER_MS = 5_000;
// The longest first wait before a new attempt; it doubles with each failure, up to the cap.
const RETRY_FIRST_MS = 250;
const RETRY_CAP_MS = 10_000;

const MAGIC = [0x47, 0x4b, 0x50, 0x52];
const PRESENCES = ['Here', 'Stalled', 'Away'];
const LEAVE_CAUSES = [
  'Goodbye', 'Disconnected', 'TimedOut', 'TooSlow', 'Misbehaved', 'Kicked', 'Closed',
];
// By number: the name, whether a new attempt is right, and whether the seat may still be held.
const GOODBYE_REASONS = [
  ['VersionUnsupported', false, false], ['UnknownGame', false, false], ['BadName', false, false],
  ['Full', true, true], ['HelloTimeout', true, true], ['FrameTimeout', true, true],
  ['Oversize', false, false], ['Protocol', false, false], ['Kicked', false, false],
  ['Shutdown', true, false], ['Internal', true, true], ['RoomFailed', true, false],
  ['Flood', false, false], ['Replaced', false, false], ['ResumeRefused', true, false],
];

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Bytes that are not what they should be. */
export class WireError extends Error {
  name = 'WireError';
}

/** Reads values from bytes. It believes no length that the bytes cannot hold. */
export class Reader {
  #bytes;
  #view;
  #at = 0;

  constructor(bytes) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8() { return this.#bytes[this.#skip(1)]; }
  i8() { return this.#view.getInt8(this.#skip(1)); }
  u16() { return this.#varint(2); }
  u32() { return this.#varint(4); }
  u64() { return BigInt(this.#varint(8)); }

  i16() {
    const zigzag = this.u16();
    return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
  }

  bool() { return [false, true][this.#oneOf(this.u8(), 2, 'a bool')]; }
  bytes() { return this.#take(this.#length()); }

  string() {
    const bytes = this.bytes();
    try {
      return fromUtf8.decode(bytes);
    } catch {
      throw new WireError('a text is not UTF-8');
    }
  }

  option(item) { return this.#oneOf(this.u8(), 2, 'an option') === 0 ? null : item(this); }
  list(item) { return this.array(this.#length(), item); }
  array(count, item) { return Array.from({ length: count }, () => item(this)); }
  variant(count) { return this.#oneOf(this.u32(), count, 'a variant'); }

  end() {
    const left = this.#bytes.length - this.#at;
    if (left > 0) throw new WireError(`${left} bytes are left over after the value`);
  }

  #skip(count) {
    const missing = this.#at + count - this.#bytes.length;
    if (missing > 0) throw new WireError(`${missing} or more bytes are missing`);
    this.#at += count;
    return this.#at - count;
  }

  #take(count) {
    const start = this.#skip(count);
    return this.#bytes.subarray(start, start + count);
  }

  #varint(widthMax) {
    const first = this.u8();
    if (first <= 250) return first;
    const width = 2 ** (first - 250);
    if (width > widthMax) throw new WireError('a number is wider than its type');
    const at = this.#skip(width);
    if (width === 2) return this.#view.getUint16(at, true);
    if (width === 4) return this.#view.getUint32(at, true);
    return this.#view.getBigUint64(at, true);
  }

  // Every element takes at least one byte.
  #length() {
    const length = this.u64();
    const left = this.#bytes.length - this.#at;
    if (length > left) throw new WireError(`a length of ${length}, and ${left} bytes are left`);
    return Number(length);
  }

  #oneOf(number, count, what) {
    if (number >= count) throw new WireError(`${what} is ${number}, not below ${count}`);
    return number;
  }
}

/** Writes values as bytes, each in its shortest form. */
export class Writer {
  #bytes = [];

  u8(value) { return this.#raw([whole(value, 0, 255)]); }
  i8(value) { return this.#raw([whole(value, -128, 127) & 0xff]); }
  u16(value) { return this.#varint(whole(value, 0, 0xffff)); }
  u32(value) { return this.#varint(whole(value, 0, 0xffff_ffff)); }
  i16(value) { return this.u16(whole(value, -32768, 32767) < 0 ? -2 * value - 1 : 2 * value); }
  bool(value) { return this.u8(value ? 1 : 0); }
  bytes(value) { return this.u64(value.length).#raw(value); }
  string(value) { return this.bytes(utf8.encode(value)); }
  option(value, item) { return value === null ? this.u8(0) : this.u8(1).array([value], item); }
  list(values, item) { return this.u64(values.length).array(values, item); }
  variant(number) { return this.u32(number); }

  u64(value) {
    const fits = BigInt.asUintN(64, BigInt(value)) === BigInt(value);
    if (!fits) throw new RangeError(`${value} is not a whole number of 64 bits`);
    return this.#varint(value);
  }

  array(values, item) {
    for (const value of values) item(this, value);
    return this;
  }

  finish() { return Uint8Array.from(this.#bytes); }

  #raw(bytes) {
    for (const byte of bytes) this.#bytes.push(byte);
    return this;
  }

  #varint(value) {
    if (value <= 250) return this.#raw([Number(value)]);
    const power = value <= 0xffff ? 1 : value <= 0xffff_ffff ? 2 : 3;
    const fixed = new DataView(new ArrayBuffer(8));
    fixed.setBigUint64(0, BigInt(value), true);
    return this.#raw([250 + power, ...new Uint8Array(fixed.buffer, 0, 2 ** power)]);
  }
}

function whole(value, min, max) {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new RangeError(`${value} is not a whole number from ${min} to ${max}`);
}

const readMember = (reader) => ({
  player: reader.u32(), name: reader.string(), presence: PRESENCES[reader.variant(3)],
});
const readDeparted = (reader) => ({
  player: reader.u32(), cause: LEAVE_CAUSES[reader.variant(LEAVE_CAUSES.length)],
});
const readChange = (reader) => ({
  player: reader.u32(), presence: PRESENCES[reader.variant(PRESENCES.length)],
});
const readOffer = (reader) => ({
  ticket: Uint8Array.from(reader.array(TICKET_BYTES, (byte) => byte.u8())), windowMs: reader.u32(),
});

// Server messages, by number. The keys are in the order of the bytes.
const SERVER_MESSAGES = [
  (reader) => ({
    kind: 'Welcome', player: reader.u32(), room: reader.u32(), tick: reader.u32(),
    tickHz: reader.u16(), seats: reader.u16(), game: reader.string(),
    members: reader.list(readMember), eventsBefore: reader.u32(), resume: reader.option(readOffer),
  }),
  (reader) => ({ kind: 'Snapshot', tick: reader.u32(), body: reader.bytes() }),
  (reader) => ({ kind: 'Event', tick: reader.u32(), body: reader.bytes() }),
  (reader) => ({
    kind: 'Members', tick: reader.u32(), joined: reader.list(readMember),
    left: reader.list(readDeparted), changed: reader.list(readChange),
  }),
  (reader) => ({ kind: 'Ping', nonce: reader.u32() }),
  (reader) => ({ kind: 'Pong', nonce: reader.u32() }),
  (reader) => {
    const [reason] = GOODBYE_REASONS[reader.variant(GOODBYE_REASONS.length)];
    const version = reason === 'VersionUnsupported' ? { server: reader.u16() } : {};
    return { kind: 'Goodbye', reason, ...version, text: reader.string() };
  },
];

/** Decodes one message of a server; throws a WireError if it is none. */
export function decodeServerMessage(bytes) {
  const within = bytes.length > 0 && bytes.length <= SERVER_MESSAGE_BYTES_MAX;
  if (!within) throw new WireError(`a message of ${bytes.length} bytes`);
  const reader = new Reader(bytes);
  try {
    const message = SERVER_MESSAGES[reader.variant(SERVER_MESSAGES.length)](reader);
    reader.end();
    return message;
  } catch (error) {
    const refused = refusedVersion(bytes);
    if (refused === null) throw error;
    return { kind: 'Goodbye', reason: 'VersionUnsupported', server: refused, text: '' };
  }
}

// Of a goodbye of another version only the beginning is for us.
function refusedVersion(bytes) {
  const reader = new Reader(bytes);
  try {
    if (reader.u32() !== 6 || reader.u32() !== 0) return null;
    const version = reader.u16();
    return version === PROTOCOL_VERSION ? null : version;
  } catch {
    return null;
  }
}

/** Encodes one message of a client; throws a RangeError if it cannot be one. */
export function encodeClientMessage(message) {
  const writer = new Writer();
  const { kind, nonce, sequence, body, version = PROTOCOL_VERSION } = message;
  if (kind === 'Hello') {
    writer.variant(0).array(MAGIC, (byte, value) => byte.u8(value)).u16(version);
    writer.string(message.game).string(message.name).option(message.resume, (out, resume) =>
      out.array(resume.ticket, (byte, value) => byte.u8(value)).u32(resume.eventsSeen));
  } else if (kind === 'Input') writer.variant(1).u32(sequence).bytes(body);
  else if (kind === 'Ping') writer.variant(2).u32(nonce);
  else if (kind === 'Pong') writer.variant(3).u32(nonce);
  else if (kind === 'Goodbye') writer.variant(4);
  else throw new RangeError(`a client does not say ${kind}`);
  const bytes = writer.finish();
  if (bytes.length <= CLIENT_MESSAGE_BYTES_MAX) return bytes;
  throw new RangeError(`${bytes.length} bytes, and ${CLIENT_MESSAGE_BYTES_MAX} fit a message`);
}

// One WebSocket from its connect to its end. It tells what happens, and ends exactly once.
class Conversation {
  members = new Map();
  // connecting -> greeting -> playing -> over, and over at any time.
  phase = 'connecting';
  #options;
  #environment;
  #tell;
  #socket;
  #timer = null;
  // When the timer comes.
  #dueAt = Infinity;
  // The last whole message while we play; before that, when this phase began.
  #heardAt;
  #joinedAt = null;
  #welcome = null;
  #pinged = null;
  #nextNonce = 1;
  // Since when the server has taken nothing of what waits for it, and how much was waiting.
  #stuck = null;
  #sentBytes = 0;
  #lastTick = null;
  #lastInput;
  #eventsSeen = 0;

  constructor(options, environment, tell) {
    this.#options = options;
    this.#environment = environment;
    this.#tell = tell;
    this.#lastInput = options.asked?.lastInput ?? 0;
    this.#heardAt = environment.now();
    this.#socket = new environment.WebSocket(options.url);
    this.#socket.binaryType = 'arraybuffer';
    this.#socket.onopen = () => this.#greet();
    this.#socket.onmessage = ({ data }) => this.#handleData(data);
    this.#socket.onclose = ({ code }) => this.#handleClose(code);
    this.#watch();
  }

  // How to take our seat again: the way that the welcome offered, or until then the one we came.
  get wayBack() {
    const welcome = this.#welcome;
    if (welcome === null) return this.#options.asked;
    if (welcome.resume === null) return null;
    return {
      url: this.#options.url, player: welcome.player, room: welcome.room,
      ticket: hex(welcome.resume.ticket), windowMs: welcome.resume.windowMs,
      eventsSeen: this.#eventsSeen, lastInput: this.#lastInput,
    };
  }

  get playedForMs() {
    return this.#joinedAt === null ? 0 : this.#heardAt - this.#joinedAt;
  }

  sendInput(body) {
    const sequence = (this.#lastInput + 1) % 2 ** 32;
    this.#send({ kind: 'Input', sequence, body });
    this.#lastInput = sequence;
    return sequence;
  }

  ping() {
    this.#pinged = { nonce: this.#nextNonce, at: this.#environment.now() };
    this.#nextNonce = (this.#nextNonce + 1) % 2 ** 32;
    this.#send({ kind: 'Ping', nonce: this.#pinged.nonce });
  }

  leave() {
    if (this.phase === 'greeting' || this.phase === 'playing') this.#send({ kind: 'Goodbye' });
    this.end({ kind: 'left', text: 'you left' });
  }

  // The first reason counts. Nothing is sent or understood after it.
  end(why) {
    if (this.phase === 'over') return;
    this.phase = 'over';
    this.#environment.clearTimeout(this.#timer);
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
    this.#tell('over', why);
  }

  #send(message) {
    const bytes = encodeClientMessage(message);
    this.#socket.send(bytes);
    this.#sentBytes += bytes.length;
    if (this.#socket.bufferedAmount > OUTBOUND_BYTES_MAX) this.#endAsDeaf();
  }

  #greet() {
    const { game, name, asked } = this.#options;
    const resume = asked && { ticket: fromHex(asked.ticket), eventsSeen: asked.eventsSeen };
    const who = asked ? { game: '', name: '' } : { game, name };
    this.phase = 'greeting';
    this.#heardAt = this.#environment.now();
    this.#send({ kind: 'Hello', ...who, resume });
  }

  #handleClose(code) {
    const never = this.phase === 'connecting';
    const text = never ? `no connection to ${this.#options.url} could be made`
      : `the connection was closed without a goodbye (WebSocket code ${code})`;
    this.end({ kind: never ? 'unreachable' : 'closed', text });
  }

  #handleData(data) {
    if (this.phase === 'over') return;
    try {
      if (typeof data === 'string') throw new WireError('a text, and messages are binary');
      this.#handle(decodeServerMessage(new Uint8Array(data)), this.#environment.now());
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.end({ kind: 'misbehaved', text: `the server broke the protocol: ${error.message}` });
    }
    if (this.phase !== 'over') this.#watch();
  }

  #handle(message, now) {
    if (this.phase === 'playing') this.#heardAt = now;
    if (this.#isDeaf(now)) return this.#endAsDeaf();
    const { kind, tick, body } = message;
    if (kind === 'Ping') this.#send({ kind: 'Pong', nonce: message.nonce });
    else if (kind === 'Pong') this.#handlePong(message.nonce, now);
    else if (kind === 'Goodbye') this.end(goodbye(message));
    else if (kind === 'Welcome') this.#handleWelcome(message, now);
    else if (this.phase !== 'playing') throw new WireError(`${kind} came before Welcome`);
    else if (kind === 'Snapshot') this.#handleSnapshot(tick, body);
    else if (kind === 'Members') this.#handleMembers(message);
    else {
      this.#eventsSeen += 1;
      this.#tell('event', { tick, body });
    }
  }

  // A pong that was not asked for, or comes late, is harmless.
  #handlePong(nonce, now) {
    if (this.#pinged?.nonce !== nonce) return;
    const ms = now - this.#pinged.at;
    this.#pinged = null;
    this.#tell('rtt', { ms });
  }

  #handleWelcome(welcome, now) {
    const { asked } = this.#options;
    if (this.#welcome !== null) throw new WireError('it welcomed us twice');
    if (asked && (asked.player !== welcome.player || asked.room !== welcome.room)) {
      throw new WireError(`the seat of player ${welcome.player}, and not of ${asked.player}`);
    }
    const eventsLost = asked ? welcome.eventsBefore - asked.eventsSeen : 0;
    if (eventsLost < 0) throw new WireError('events that we have heard shall come again');
    this.#welcome = welcome;
    this.#admit(welcome.members);
    this.#eventsSeen = welcome.eventsBefore;
    this.phase = 'playing';
    this.#joinedAt = this.#heardAt = now;
    const { kind, resume, eventsBefore, ...joined } = welcome;
    const windowMs = resume?.windowMs ?? null;
    this.#tell('joined', { ...joined, arrival: asked ? 'back' : 'new', eventsLost, windowMs });
  }

  #handleSnapshot(tick, body) {
    const skippedTicks = this.#lastTick === null ? 0 : Math.max(tick - this.#lastTick - 1, 0);
    this.#lastTick = Math.max(this.#lastTick ?? 0, tick);
    this.#tell('snapshot', { tick, body, skippedTicks });
  }

  // Who left or changed and was never here is nobody.
  #handleMembers({ tick, joined, left, changed }) {
    const known = ({ player }) => this.members.has(player);
    this.#admit(joined);
    const changes = changed.filter(known).map(({ player, presence }) => {
      const member = { ...this.members.get(player), presence };
      const before = this.members.get(player).presence;
      this.members.set(player, member);
      return { ...member, before };
    });
    const gone = left.filter(known).map((one) => ({ ...this.members.get(one.player), ...one }));
    for (const { player } of gone) this.members.delete(player);
    this.#tell('members', { tick, joined, left: gone, changed: changes });
  }

  // A room in which there are ever more players would cost ever more memory.
  #admit(members) {
    const { seats } = this.#welcome;
    for (const member of members) {
      const bytes = utf8.encode(member.name).length;
      if (bytes > NAME_BYTES_MAX) throw new WireError(`a player's name has ${bytes} bytes`);
      this.members.set(member.player, member);
    }
    if (this.members.size > seats) throw new WireError(`more players than the ${seats} seats`);
  }

  // While the server speaks, its messages are the clock; when it does not, silence ends it.
  #isDeaf(now) {
    const waiting = this.#socket.bufferedAmount;
    const taken = this.#sentBytes - waiting;
    if (waiting === 0) this.#stuck = null;
    else if (this.#stuck?.taken !== taken) this.#stuck = { taken, at: now };
    return this.#stuck !== null && now - this.#stuck.at >= SERVER_LOST_AFTER_MS;
  }

  #endAsDeaf() {
    const bytes = this.#socket.bufferedAmount;
    this.end({ kind: 'deaf', text: `the server does not read: ${bytes} bytes are unsent` });
  }

  get #deadline() {
    const isAsked = this.#pinged !== null && this.#pinged.at >= this.#heardAt;
    if (this.phase === 'connecting') return this.#heardAt + CONNECT_TIMEOUT_MS;
    const patience = this.phase === 'playing' && !isAsked ? PING_AFTER_MS : SERVER_LOST_AFTER_MS;
    return this.#heardAt + patience;
  }

  // Sleeps until the deadline as it is now, unless it would be woken before that anyway: most
  // messages only move the deadline away.
  #watch() {
    const deadline = this.#deadline;
    if (deadline >= this.#dueAt) return;
    this.#environment.clearTimeout(this.#timer);
    this.#dueAt = deadline;
    const wait = deadline - this.#environment.now();
    this.#timer = this.#environment.setTimeout(() => this.#handleTimer(), wait);
  }

  #handleTimer() {
    const now = this.#environment.now();
    // What was not the server's fault is not held against it: a sleeping laptop, a hidden tab.
    const late = now - this.#dueAt;
    if (late > PAUSE_MS) this.#heardAt += late;
    this.#dueAt = Infinity;
    const silence = now - this.#heardAt;
    if (now >= this.#deadline && this.phase === 'connecting') {
      const text = `no connection to ${this.#options.url} within ${CONNECT_TIMEOUT_MS / 1000} s`;
      return this.end({ kind: 'unreachable', text });
    }
    if (silence >= SERVER_LOST_AFTER_MS) {
      const text = `no message came from the server for ${(silence / 1000).toFixed(1)} s`;
      return this.end({ kind: 'silent', text });
    }
    if (now >= this.#deadline) this.ping();
    if (this.phase !== 'over') this.#watch();
  }
}

/** A player's way into a game, over as many connections as it takes. */
export class Client {
  state = { kind: 'connecting', attempt: 1 };
  // Of the last welcome and all notices since, also while the connection is lost.
  members = new Map();
  #options;
  #environment;
  #listeners = new Map();
  #conversation;
  #wayBack;
  #timer;
  // Attempts in a row that led to no game, or to a short one.
  #failures = 0;

  constructor({ url, game = '', name, wayBack = null, environment = {} }) {
    for (const text of [game, name]) {
      const bytes = utf8.encode(text).length;
      if (bytes > NAME_BYTES_MAX) throw new RangeError(`"${text}" has more than 32 bytes`);
    }
    const address = new URL(url, globalThis.location?.href);
    address.protocol = address.protocol.replace(/^http/, 'ws');
    this.#options = { url: address.href, game, name };
    this.#environment = { ...ENVIRONMENT, ...environment };
    this.#wayBack = isWayBack(wayBack, address.href) ? wayBack : null;
    this.#open();
  }

  on(name, listener) {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  get wayBack() {
    return this.#conversation.phase === 'over' ? this.#wayBack : this.#conversation.wayBack;
  }

  sendInput(body) { return this.#isPlaying ? this.#conversation.sendInput(body) : null; }

  ping() {
    if (this.#isPlaying) this.#conversation.ping();
  }

  leave() {
    if (this.state.kind !== 'reconnecting') return this.#conversation.leave();
    this.#environment.clearTimeout(this.#timer);
    this.#finish({ kind: 'left', text: 'you left' });
  }

  retryNow() {
    if (this.state.kind !== 'reconnecting') return;
    this.#environment.clearTimeout(this.#timer);
    this.#again();
  }

  get #isPlaying() { return this.#conversation.phase === 'playing'; }

  #open() {
    const options = { ...this.#options, asked: this.#wayBack };
    const tell = (name, detail) => this.#handle(name, detail);
    this.#conversation = new Conversation(options, this.#environment, tell);
  }

  #again() {
    this.#enter({ kind: 'connecting', attempt: this.#failures + 1 });
    this.#open();
  }

  #handle(name, detail) {
    if (name === 'over') return this.#handleEnd(detail);
    if (name === 'joined') {
      this.members = this.#conversation.members;
      this.#enter({ kind: 'playing' });
    }
    this.#emit(name, detail);
  }

  #handleEnd(why) {
    if (this.#conversation.playedForMs >= STEADY_AFTER_MS) this.#failures = 0;
    const [retry, keepsSeat] = verdict(why);
    this.#wayBack = keepsSeat ? this.#conversation.wayBack : null;
    if (!retry) return this.#finish(why);
    const longestMs = Math.min(RETRY_FIRST_MS * 2 ** this.#failures, RETRY_CAP_MS);
    const delayMs = Math.round(longestMs * this.#environment.random());
    this.#failures += 1;
    this.#timer = this.#environment.setTimeout(() => this.#again(), delayMs);
    const resuming = this.#wayBack !== null;
    this.#enter({ kind: 'reconnecting', attempt: this.#failures, delayMs, why, resuming });
  }

  #finish(why) {
    this.#wayBack = null;
    this.#enter({ kind: 'ended', why });
  }

  #enter(state) {
    this.state = state;
    this.#emit('state', state);
  }

  // A listener's error is the listener's: it is reported, and the connection goes on.
  #emit(name, detail) {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        listener(detail);
      } catch (error) {
        queueMicrotask(() => { throw error; });
      }
    }
  }
}

/** Connects, and stays connected: the same as `new Client(options)`. */
export function connect(options) {
  return new Client(options);
}

const ENVIRONMENT = {
  WebSocket: globalThis.WebSocket,
  now: () => performance.now(),
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: (timer) => clearTimeout(timer),
  random: Math.random,
};

// Whether a new attempt is right after such an end, and whether the seat may still be held.
function verdict(why) {
  if (why.kind === 'left') return [false, false];
  // Events that we have not heard are sent again: what we cannot read would be, too.
  if (why.kind === 'misbehaved') return [true, false];
  if (why.kind !== 'goodbye') return [true, true];
  return GOODBYE_REASONS.find(([name]) => name === why.reason).slice(1);
}

// Whatever the server wrote, its text can be shown.
function goodbye({ reason, server, text }) {
  const cut = utf8.encode(text).subarray(0, GOODBYE_TEXT_BYTES_MAX);
  const shown = new TextDecoder().decode(cut, { stream: true }).replace(/\p{Cc}/gu, ' ');
  const words = `the server said goodbye: ${reason}${shown === '' ? '' : ': '}${shown}`;
  return { kind: 'goodbye', reason, server, message: shown, text: words };
}

function isWayBack(value, url) {
  // A ticket is never shown to another server.
  if (value?.url !== url || !/^[0-9a-f]{64}$/.test(value.ticket)) return false;
  const { player, room, windowMs, eventsSeen, lastInput } = value;
  return [player, room, windowMs, eventsSeen, lastInput].every(isU32);
}

function isU32(value) {
  return Number.isInteger(value) && value >= 0 && value < 2 ** 32;
}

function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function fromHex(text) {
  return Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
}
