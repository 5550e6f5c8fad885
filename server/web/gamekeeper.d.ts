// What gamekeeper.js offers to game developers: types, units, and what each thing means.
//
// The rules of the wire behind it are in docs/protocol.md, and a whole example is in
// docs/browser.md. All times are in milliseconds.

/** The version of the protocol that this client speaks. */
export const PROTOCOL_VERSION: 1;

/** Connects, and stays connected until `leave()` or an end that no new attempt can mend. */
export function connect(options: Options): Client;

/** A player's way into a game, over as many connections as it takes. */
export class Client {
  /** Connects at once. Listeners that are added in the same task miss nothing. */
  constructor(options: Options);

  /** Where the client stands. It changes with each `state` event, and is set before it. */
  readonly state: State;

  /** Who is in the room, by number, those who are away as well; kept over a lost connection. */
  readonly members: ReadonlyMap<number, Member>;

  /**
   * How to take the seat again from another page: keep it in `sessionStorage` and give it to the
   * next `connect`. It changes with each welcome, event and input. `null` if there is no seat, if
   * the server holds none, or once it is over. It is worth the player's seat: do not show it.
   */
  readonly wayBack: WayBack | null;

  /** Calls `listener` at each event of this name. The answer is a function that ends it. */
  on<Name extends keyof Events>(name: Name, listener: (detail: Events[Name]) => void): () => void;

  /**
   * Sends what the player asks for, once per tick at most: the game's own input, encoded. The
   * answer is its number, 1 for the first, or `null` if nothing was sent because nobody is playing.
   *
   * @throws RangeError if the input does not fit into a message of 4,096 bytes.
   */
  sendInput(body: Uint8Array): number | null;

  /**
   * Asks for a new round trip, once a second at most. The answer is an `rtt` event. The client
   * pings a silent server of its own accord.
   */
  ping(): void;

  /** Says goodbye and gives the seat up. The state is `ended` then, for good. */
  leave(): void;

  /** Ends the wait before the next attempt, if there is one. For when a network is back. */
  retryNow(): void;
}

export interface Options {
  /** Where the server is: `/ws`, `http://…/ws` or `ws://…/ws`; relative to the page. */
  url: string;
  /** The game's name; the server's default game without it. At most 32 bytes. */
  game?: string;
  /** The player's name, 1 to 32 bytes of UTF-8 without control characters. */
  name: string;
  /** A kept way back. One that is damaged or of another server counts as none. */
  wayBack?: WayBack | null;
  /** What stands for the browser outside of one, in tests above all. */
  environment?: Partial<Environment>;
}

/** The parts of a browser that the client uses. */
export interface Environment {
  WebSocket: typeof WebSocket;
  /** A clock that does not jump, in ms. */
  now(): number;
  setTimeout(callback: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
  /** From 0 to below 1. */
  random(): number;
}

/** Every event, by name. */
export interface Events {
  /** The client stands somewhere else. */
  state: State;
  /** There is a seat: a new one, or the same as before. `members` is filled. */
  joined: Joined;
  /** The room at one tick, complete in itself. */
  snapshot: {
    tick: number;
    /** The game's own snapshot, encoded. */
    body: Uint8Array;
    /** Ticks since the last snapshot of this connection of which none was seen. */
    skippedTicks: number;
  };
  /** Something happened in the game: exactly once and in order, also over a lost connection. */
  event: {
    tick: number;
    /** The game's own event, encoded. */
    body: Uint8Array;
  };
  /** Somebody came, went, or can or cannot be reached. `members` is up to date. */
  members: {
    tick: number;
    joined: Member[];
    left: (Member & { cause: LeaveCause })[];
    changed: (Member & { before: Presence })[];
  };
  /** A round trip was measured. It is too long by up to one tick. */
  rtt: { ms: number };
}

/** Where the client stands. */
export type State =
  | { kind: 'connecting'; /** 1 for the first after a steady game. */ attempt: number }
  | { kind: 'playing' }
  | {
      kind: 'reconnecting';
      /** How many attempts in a row have failed, the loss itself included. */
      attempt: number;
      /** When the next one is made, from now on. */
      delayMs: number;
      /** What ended the connection. */
      why: Ended;
      /** Whether the seat is asked for again; if not, a new one. */
      resuming: boolean;
    }
  | { kind: 'ended'; why: Ended };

/** Why a connection ended. `text` is a sentence for a person. */
export type Ended =
  | { kind: 'left'; text: string }
  | {
      kind: 'goodbye';
      reason: GoodbyeReason;
      /** What the server says to a person, at most 256 bytes, without control characters. */
      message: string;
      /** With `VersionUnsupported`: the version that the server speaks. */
      server?: number;
      text: string;
    }
  | { kind: 'closed' | 'unreachable' | 'silent' | 'deaf' | 'misbehaved'; text: string };

export interface Joined {
  /** Who we are. */
  player: number;
  room: number;
  /** When we joined, or came back. */
  tick: number;
  /** Ticks per second; 0 for a turn-based game. */
  tickHz: number;
  /** How many players fit into the room. */
  seats: number;
  /** The game that is really played. */
  game: string;
  /** Everybody, we included, in the order of joining. */
  members: Member[];
  /** Whether we have had this seat before. */
  arrival: 'new' | 'back';
  /** Events that happened while we were away and were too old to be kept. */
  eventsLost: number;
  /** How long the seat is held after a loss; `null` if it is not. */
  windowMs: number | null;
}

export interface Member {
  player: number;
  name: string;
  presence: Presence;
}

/** What a client keeps of its seat. It can be turned into JSON and back. */
export interface WayBack {
  url: string;
  player: number;
  room: number;
  /** 64 hexadecimal digits. */
  ticket: string;
  windowMs: number;
  eventsSeen: number;
  lastInput: number;
}

export type Presence = 'Here' | 'Stalled' | 'Away';

export type LeaveCause =
  | 'Goodbye' | 'Disconnected' | 'TimedOut' | 'TooSlow' | 'Misbehaved' | 'Kicked' | 'Closed';

export type GoodbyeReason =
  | 'VersionUnsupported' | 'UnknownGame' | 'BadName' | 'Full' | 'HelloTimeout' | 'FrameTimeout'
  | 'Oversize' | 'Protocol' | 'Kicked' | 'Shutdown' | 'Internal' | 'RoomFailed' | 'Flood'
  | 'Replaced' | 'ResumeRefused';

/** Reads values, as section 3 of the protocol has them. Every method throws a `WireError`. */
export class Reader {
  constructor(bytes: Uint8Array);
  u8(): number;
  i8(): number;
  u16(): number;
  i16(): number;
  u32(): number;
  u64(): bigint;
  bool(): boolean;
  string(): string;
  /** A view of the bytes, not a copy. */
  bytes(): Uint8Array;
  /** `null` for nothing. */
  option<T>(item: (reader: Reader) => T): T | null;
  list<T>(item: (reader: Reader) => T): T[];
  array<T>(count: number, item: (reader: Reader) => T): T[];
  /** The number of an enum's variant, below `count`. */
  variant(count: number): number;
  /** Call it last: bytes that are left over are an error. */
  end(): void;
}

/** Writes values. Every method but `finish` answers the writer, and throws a `RangeError`. */
export class Writer {
  u8(value: number): this;
  i8(value: number): this;
  u16(value: number): this;
  i16(value: number): this;
  u32(value: number): this;
  u64(value: bigint | number): this;
  bool(value: boolean): this;
  string(value: string): this;
  bytes(value: Uint8Array): this;
  option<T>(value: T | null, item: (writer: Writer, value: T) => void): this;
  list<T>(values: ArrayLike<T> & Iterable<T>, item: (writer: Writer, value: T) => void): this;
  array<T>(values: Iterable<T>, item: (writer: Writer, value: T) => void): this;
  variant(number: number): this;
  finish(): Uint8Array;
}

/** Bytes that are not what they should be. */
export class WireError extends Error {}

/** One message with the names of docs/protocol.md, `kind` first. For tools; a game has events. */
export interface Message {
  kind: string;
  [field: string]: unknown;
}

/** @throws WireError if the bytes are no message of a server. */
export function decodeServerMessage(bytes: Uint8Array): Message;

/** @throws RangeError if a client does not say this. */
export function encodeClientMessage(message: Message): Uint8Array;
