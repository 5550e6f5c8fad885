// Everything on the page that is text: the state of the connection, scores, notices, the name.
//
// Data flow: what arena.js knows -> here -> elements of index.html; buttons and the name -> the
// functions that arena.js gave. It changes an element only if its text changes, and judges nothing.

/** A player's name is at most this long, in bytes of UTF-8. */
const NAME_BYTES_MAX = 32;
/** Rows of the table of scores, our own row aside. */
const SCORES_MAX = 6;

/** Ends that have a better sentence than the client's. */
const SENTENCES = {
  Replaced: 'You are playing in another window now.',
  Kicked: 'You were removed from the game.',
  Shutdown: 'The server is stopping.',
  RoomFailed: 'Your room was closed because of a fault in the game.',
  ResumeRefused: 'Your seat is gone. You get a new one.',
  Full: 'The server is full.',
};

const SUMMARIES = { connecting: 'Connecting', reconnecting: 'Connection lost', ended: 'Ended' };

const element = (id) => document.getElementById(id);

/** The elements beside the canvas. */
export class Panel {
  #scores = '';
  #notices = [];

  /** `actions` are called when the player wants something: `again`, `leave`, `rename(name)`. */
  constructor(actions) {
    element('again').addEventListener('click', () => actions.again());
    element('leave').addEventListener('click', () => actions.leave());
    element('rename').addEventListener('click', () => this.askName());
    element('naming').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#handleName(element('name').value.trim(), actions.rename);
    });
  }

  /** The name that the form begins with, unless somebody is writing another one. */
  set name(name) {
    if (document.activeElement !== element('name')) element('name').value = name;
  }

  /** Shows the form for the name; `problem` says what is wrong with the last one. */
  askName(problem = '') {
    this.offerName();
    write('name-error', problem);
    element('name').select();
  }

  /** Shows the form for the name and leaves the keyboard to the game. */
  offerName() {
    element('naming').hidden = false;
  }

  /** The player has found the controls. */
  hideHelp() {
    element('help').hidden = true;
  }

  /** Shows where the client stands; `waitMs` is how long a new attempt is away still. */
  showState(state, waitMs, rttMs) {
    const light = { playing: 'good', ended: 'bad' }[state.kind] ?? 'wait';
    element('light').dataset.light = light;
    const rtt = rttMs === null ? '' : `, ${Math.round(rttMs)} ms`;
    write('summary', state.kind === 'playing' ? `Playing${rtt}` : SUMMARIES[state.kind]);
    element('leave').disabled = state.kind === 'ended';
    const { kind, attempt } = state;
    const isLost = kind === 'reconnecting' || (kind === 'connecting' && attempt > 1);
    element('banner').hidden = !isLost && kind !== 'ended';
    element('again').hidden = kind === 'connecting';
    document.body.dataset.state = isLost ? 'lost' : kind;
    // What began the trouble says more than that the next attempt failed as well.
    const isNews = kind === 'ended' || attempt === 1 || state.why?.kind === 'goodbye';
    if (state.why !== undefined && isNews) write('banner-text', sentence(state.why));
    write('banner-wait', isLost ? waiting(state, waitMs) : '');
    write('again', isLost ? 'Try now' : 'Play again');
  }

  /** Shows figures of the connection. */
  showFigures({ rttMs, perSecond, tickHz, skippedTicks, room }) {
    write('rtt', rttMs === null ? '-' : `${Math.round(rttMs)} ms`);
    write('rate', `${perSecond} of ${tickHz} per second`);
    write('skipped', `${skippedTicks} ticks`);
    write('room', String(room));
  }

  /** Shows the scores: rows of `{ name, score, colour, isMe, presence }`, the best first. */
  showScores(rows) {
    const shown = rows.filter(({ isMe }, index) => index < SCORES_MAX || isMe);
    const text = JSON.stringify(shown);
    if (text === this.#scores) return;
    this.#scores = text;
    element('scores').tBodies[0].replaceChildren(...shown.map(scoreRow));
  }

  /** Shows what happened lately. What stands already is left alone, so that it is read out once. */
  showNotices(notices) {
    if (notices === this.#notices) return;
    this.#notices = notices;
    const list = element('notices');
    const known = new Map([...list.children].map((item) => [item.notice, item]));
    list.replaceChildren(...notices.map((notice) => known.get(notice) ?? noticeItem(notice)));
  }

  #handleName(name, rename) {
    const bytes = new TextEncoder().encode(name).length;
    if (name === '' || bytes > NAME_BYTES_MAX || /\p{Cc}/u.test(name)) {
      return this.askName(`A name has 1 to ${NAME_BYTES_MAX} letters, fewer with accents.`);
    }
    element('naming').hidden = true;
    document.activeElement.blur();
    rename(name);
  }
}

function write(id, text) {
  const { textContent } = element(id);
  if (textContent !== text) element(id).textContent = text;
}

function sentence({ reason, message, text }) {
  const own = SENTENCES[reason];
  if (own === undefined) return `${text[0].toUpperCase()}${text.slice(1)}.`;
  const isSaid = !message || own.toLowerCase() === `${message.toLowerCase()}.`;
  return isSaid ? own : `${own} (${message})`;
}

function waiting({ attempt, resuming }, waitMs) {
  const what = resuming === false ? 'for a new seat' : 'for your seat';
  if (waitMs === null) return `Attempt ${attempt} is under way`;
  return `Trying again ${what} in ${(waitMs / 1000).toFixed(1)} s (attempt ${attempt})`;
}

function scoreRow({ name, score, colour, isMe, presence }) {
  const row = document.createElement('tr');
  const [player, state, points] = [row.insertCell(), row.insertCell(), row.insertCell()];
  const swatch = document.createElement('span');
  swatch.className = 'swatch';
  swatch.style.backgroundColor = presence === 'Here' ? colour : 'transparent';
  player.append(swatch, name);
  state.textContent = { Here: '', Stalled: 'stalled', Away: 'away' }[presence];
  points.textContent = String(score);
  row.classList.toggle('me', isMe);
  row.classList.toggle('absent', presence !== 'Here');
  return row;
}

function noticeItem(notice) {
  const item = document.createElement('li');
  item.textContent = notice.text;
  item.notice = notice;
  return item;
}
