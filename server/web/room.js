// Who is in our room and what happened lately, as people want to see it.
//
// Data flow: what the client tells, with the time -> Room -> drawing.js and panel.js. It decides
// what is said and for how long. It draws nothing and has no clock: `nowMs` is an argument.

/** How long a notice stands, in ms. */
const NOTICE_MS = 5000;
/** How long somebody who left can still be read of where it was, in ms. */
const GONE_MS = 3000;
/** Notices at the same time. */
const NOTICES_MAX = 4;
/** Players at the same time that have left: nobody forgets them while the page is hidden. */
const GONE_MAX = 50;

const CAUSES = {
  Goodbye: 'left',
  Disconnected: 'lost the connection',
  TimedOut: 'was silent for too long',
  TooSlow: 'could not keep up',
  Misbehaved: 'had a broken client',
  Kicked: 'was removed',
  Closed: 'left, because the room was closed',
};

/** One stay in a room. */
export class Room {
  /** Our own number. */
  me;
  /** The number of the room. */
  number;
  /** Ticks per second, above 0. */
  tickHz;
  /** What happened: sentences with the time until which they stand, oldest first. */
  notices = [];
  /** Players that left a moment ago: number, name, why, until when. */
  gone = [];
  #members;
  #windowMs;
  // Until when the seats of players are held that went while we watched, in ms.
  #heldUntilMs = new Map();

  /** `joined` is what the client told, `members` its own map, which is kept up to date by it. */
  constructor(joined, members) {
    this.me = joined.player;
    this.number = joined.room;
    this.tickHz = joined.tickHz || 20;
    this.#members = members;
    this.#windowMs = joined.windowMs;
  }

  /** What is known of a player. Snapshots may show somebody whose notice of leave has come. */
  member(player) {
    return this.#members.get(player) ?? { player, name: '', presence: 'Here' };
  }

  /** Whether somebody is here, or has left a moment ago. */
  knows(player) {
    return this.#members.has(player) || this.gone.some((gone) => gone.player === player);
  }

  /** Everybody in the room, in the order of joining. */
  get members() {
    return [...this.#members.values()];
  }

  /** For how many seconds more a seat is held at most; `null` if we did not see when it began. */
  heldSeconds(player, nowMs) {
    const untilMs = this.#heldUntilMs.get(player);
    return untilMs === undefined ? null : Math.max(0, Math.ceil((untilMs - nowMs) / 1000));
  }

  /** Takes a change of the members. */
  handleMembers({ joined, left, changed }, nowMs) {
    for (const { name } of joined) this.say(`${name} joined`, nowMs);
    for (const { player, name, presence, before } of changed) {
      this.#heldUntilMs.delete(player);
      if (presence === 'Away') this.#heldUntilMs.set(player, nowMs + (this.#windowMs ?? 0));
      if (player === this.me) continue;
      if (presence === 'Away') this.say(`${name} lost the connection, the seat is held`, nowMs);
      if (presence === 'Here' && before === 'Away') this.say(`${name} is back`, nowMs);
    }
    for (const { player, name, cause } of left) {
      this.#heldUntilMs.delete(player);
      const one = { player, name, why: CAUSES[cause], untilMs: nowMs + GONE_MS };
      this.gone = [...this.gone, one].slice(-GONE_MAX);
      this.say(`${name} ${CAUSES[cause]}`, nowMs);
    }
  }

  /** Takes an event of the arena. Of those between others the scores say enough. */
  handleEvent(event, nowMs) {
    if (event.kind === 'Down' && [event.by, event.player].includes(this.me)) {
      const by = event.by === this.me ? 'You' : this.#called(event.by);
      const whom = event.player === this.me ? 'you' : this.#called(event.player);
      this.say(`${by} brought ${whom} down`, nowMs);
    }
  }

  /** Says something that stands for a while. */
  say(text, nowMs) {
    this.notices = [...this.notices, { text, untilMs: nowMs + NOTICE_MS }].slice(-NOTICES_MAX);
  }

  /** Forgets what has stood for long enough. */
  forget(nowMs) {
    const stands = ({ untilMs }) => untilMs > nowMs;
    if (!this.notices.every(stands)) this.notices = this.notices.filter(stands);
    if (!this.gone.every(stands)) this.gone = this.gone.filter(stands);
  }

  #called(player) {
    return this.member(player).name || 'Somebody';
  }
}
