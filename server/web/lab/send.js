// The panel that sends bots in: how many, over what, and a button for each way to leave.
//
// Data flow: causes of the server's answer -> buttons; a pressed button -> `send`, which asks the
// server -> what it said, beside the button. The server decides what is possible.

import { element, make, write } from './dom.js';
import { count, sentence } from './words.js';

const GROUPS = { gone: 'They go', silent: 'They fall silent', broken: 'They misbehave' };
/** The mass drop: how many, and how. */
const MASS = { cause: 'reset', bots: 50 };
/** How long an answer stands beside its button, in ms. */
const SAID_MS = 8000;

/** Why nothing is possible over WebSocket. */
export const NO_BROWSERS = 'Browsers are not let in here.';

/** The panel. */
export class SendPanel {
  #send;
  #causes = '';
  // Each button with the cause that it stands for, and where the server's words go.
  #buttons = [];
  #botsMax = 1;
  // Where a refusal stands.
  #refused = null;

  /**
   * `send({ cause, bots, transport })` asks the server, and answers `{ run }` or `{ refused }`, a
   * sentence.
   */
  constructor(send) {
    this.#send = send;
    element('how').addEventListener('submit', (event) => event.preventDefault());
    element('bots').addEventListener('focus', () => {
      element('how').querySelector('[value=other]').checked = true;
    });
  }

  /** Shows what is possible; `isHeard` is whether the server answers at all. */
  show(answer, isHeard) {
    const { causes, open, bots_max: botsMax, bots_out: botsOut } = answer;
    // A lab that is closed says itself why.
    const hasWebSocket = answer.websocket || !open;
    this.#botsMax = botsMax;
    element('bots').max = botsMax;
    const text = JSON.stringify(causes);
    if (text !== this.#causes) this.#makeButtons(causes);
    this.#causes = text;
    element('closed').hidden = open;
    write('closed', sentence(open ? '' : answer.closed_because ?? ''));
    for (const field of [element('how-many'), element('over-what')]) field.disabled = !open;
    const isPossible = (cause) => open && isHeard && (hasWebSocket || !cause.websocket_only);
    for (const { button, cause } of this.#buttons) {
      button.disabled = !isPossible(cause);
      button.title = cause.websocket_only && !hasWebSocket ? NO_BROWSERS : '';
    }
    this.#showTransports(hasWebSocket);
    write('out', open ? `${count(botsOut, 'bot')} out there now, ${botsMax} at most.` : '');
  }

  #showTransports(hasWebSocket) {
    const [tcp, ws] = ['tcp', 'ws'].map((name) =>
      element('over-what').querySelector(`[value=${name}]`));
    ws.disabled = !hasWebSocket;
    if (!hasWebSocket) tcp.checked = true;
    write('no-websocket', hasWebSocket ? '' : NO_BROWSERS);
    element('no-websocket').hidden = hasWebSocket;
  }

  #makeButtons(causes) {
    this.#buttons = [];
    const { cause: name, bots } = MASS;
    const reset = causes.find((cause) => cause.name === name);
    const mass = { ...reset, label: `Mass drop of ${bots}`, wire: `${bots} resets at once` };
    const all = reset === undefined ? [] : [make('ul', 'mass', this.#item(mass, bots))];
    for (const group of new Set(causes.map((cause) => cause.group))) {
      const items = causes.filter((cause) => cause.group === group)
        .map((cause) => this.#item(cause, null));
      all.push(make('h3', '', GROUPS[group] ?? group), make('ul', group, ...items));
    }
    element('causes').replaceChildren(...all);
  }

  #item(cause, bots) {
    const hints = [];
    if (cause.websocket_only) hints.push('always over WebSocket');
    if (cause.privilege) hints.push(`needs ${cause.privilege} on the server's machine`);
    if (cause.expect_seconds > 0) hints.push(`noticed after about ${cause.expect_seconds} s`);
    const button = make('button', '', make('b', '', cause.label), make('span', '', cause.wire));
    if (hints.length > 0) button.append(make('small', '', hints.join('; ')));
    button.type = 'button';
    button.dataset.cause = bots === null ? cause.name : 'mass';
    const said = make('p', 'said');
    said.setAttribute('role', 'status');
    button.addEventListener('click', () => this.#press(cause, bots, button, said));
    this.#buttons.push({ button, cause });
    return make('li', '', button, said);
  }

  async #press(cause, bots, button, said) {
    const chosen = new FormData(element('how')).get('transport');
    const transport = cause.websocket_only ? 'ws' : chosen;
    const wish = { cause: cause.name, bots: bots ?? this.#howMany(), transport };
    if (!(Number.isInteger(wish.bots) && wish.bots >= 1 && wish.bots <= this.#botsMax)) {
      return this.#say(said, `Send 1 to ${this.#botsMax} bots.`, true);
    }
    button.setAttribute('aria-busy', 'true');
    const { run, refused } = await this.#send(wish);
    button.removeAttribute('aria-busy');
    const onTheWay = `Run ${run}: ${count(wish.bots, 'bot')} on the way.`;
    this.#say(said, refused ?? onTheWay, refused !== undefined);
  }

  // Says it beside a button for a while; what was refused before is of no interest any more.
  #say(said, words, isRefused) {
    if (this.#refused !== null) write(this.#refused, '');
    this.#refused = isRefused ? said : null;
    said.className = isRefused ? 'said refused' : 'said';
    write(said, words);
    setTimeout(() => {
      if (said.textContent === words) write(said, '');
    }, SAID_MS);
  }

  #howMany() {
    const chosen = new FormData(element('how')).get('bots');
    return Number(chosen === 'other' ? element('bots').value : chosen);
  }
}
