// The feed of events: a card for each run of the lab, a line for departures that it did not cause.
//
// Data flow: entries of ledger.js -> cards of the list in index.html. A card is made once and
// brought up to date in place, so that what somebody has opened, or has the keyboard on, stays.

import { Account } from './account.js';
import { element, make, paragraphLink, write } from './dom.js';
import { count, delay, duration, others, paragraphName, sentence } from './words.js';

/** The list of events. */
export class Feed {
  #list = element('feed');
  #cards = new Map();

  /**
   * Shows the entries. `context` has what cards need besides: `causes` by name, `nowNs`, and
   * `timeOf(ns)`, the time of day as text.
   */
  show(entries, context) {
    element('nothing').hidden = entries.length > 0;
    const kept = new Map();
    for (const entry of entries) {
      const Card = entry.kind === 'run' ? RunCard : OthersCard;
      const card = this.#cards.get(entry) ?? new Card();
      card.show(entry, context);
      kept.set(entry, card);
    }
    this.#cards = kept;
    const wanted = [...kept.values()].map((card) => card.element);
    this.#arrange(wanted);
  }

  // Moves as little as possible: an element that is moved loses the keyboard.
  #arrange(wanted) {
    const isWanted = new Set(wanted);
    for (const child of [...this.#list.children]) if (!isWanted.has(child)) child.remove();
    wanted.forEach((one, index) => {
      const there = this.#list.children[index];
      if (there !== one) this.#list.insertBefore(one, there ?? null);
    });
  }
}

// A run: what was done to the server, and what it made of it.
class RunCard {
  element = make('li', 'card event');
  #title = make('h3');
  #badge = make('span', 'badge');
  #about = make('span');
  #time = make('time');
  #when = make('p', 'when');
  #groups = make('div', 'groups');
  #others = make('p', 'others');
  #account = new Account();
  #version = null;

  constructor() {
    const head = make('div', 'head', this.#title, this.#badge, this.#about, this.#time);
    const { element: account } = this.#account;
    this.element.append(head, this.#when, this.#groups, this.#others, account);
  }

  show(run, { causes, nowNs, timeOf }) {
    const cause = causes.get(run.cause);
    this.element.dataset.group = cause?.group ?? 'other';
    this.element.dataset.cause = run.cause;
    this.element.dataset.run = run.number;
    const many = run.bots > 1 ? ` \u00d7 ${run.bots}` : '';
    write(this.#title, `${cause?.label ?? run.cause}${many}`);
    write(this.#badge, badge(run));
    this.element.dataset.state = run.trouble ? 'bad' : run.isOut ? 'out' : 'over';
    write(this.#when, when(run, cause, nowNs));
    const felt = run.others ?? NOTHING;
    write(this.#others, others(felt, whom(run)));
    const isFelt = felt.losses > 0 || felt.ticks?.missed > 0;
    this.#others.classList.toggle('bad', isFelt);
    if (run.version === this.#version) return;
    this.#version = run.version;
    write(this.#time, `${timeOf(run.atNs)}, ${run.transport === 'ws' ? 'WebSocket' : 'TCP'}`);
    const about = cause?.paragraph;
    this.#about.replaceChildren(link(about));
    this.#groups.replaceChildren(...[...run.groups.values()].map((group) =>
      groupElement(group, run.noted > 1, group.paragraph === about)));
    this.#account.show(run.rows, run.noted, timeOf);
  }
}

// Departures that the lab did not cause, folded into one line.
class OthersCard {
  element = make('li', 'event others-line');
  #title = make('span', 'counted');
  #time = make('time');
  #link = make('span');
  #told = make('div', 'groups');
  #account = new Account();
  #version = null;

  constructor() {
    const head = make('div', 'head', this.#title, this.#link, this.#time);
    this.element.append(head, this.#account.element);
    this.#account.summary.after(this.#told);
  }

  show(entry, { timeOf }) {
    if (entry.version === this.#version) return;
    this.#version = entry.version;
    const { departures, reason, path, account, count: number } = entry;
    const alone = departures.length === 1 ? `, ${departures[0].address}` : '';
    write(this.#title, `${reason} / ${path}${number > 1 ? ` \u00d7 ${number}` : alone}`);
    write(this.#time, timeOf(entry.atNs));
    this.#link.replaceChildren(link(account.paragraph));
    const group = { ...account, reason, path, count: number };
    this.#told.replaceChildren(groupElement(group, false, true));
    const rows = departures.map((departure) => ({ departure, noticedMs: null }));
    this.#account.show(rows.reverse(), number, timeOf);
  }
}

const NOTHING = { ticks: null, worstMs: null, losses: 0 };

/** What is said of a run when it is over: a sentence. */
export function verdict(run, cause) {
  const label = cause?.label ?? run.cause;
  if (run.trouble) return `${label}: ${sentence(run.trouble)}`;
  if (run.left === 0) return `${label}: nobody has left.`;
  const counted = [...run.groups.values()]
    .map((group) => `, ${group.count} ${group.reason} by ${group.path}`).join('');
  return `${label}: ${run.noted} of ${run.bots} noticed${counted}. ${when(run, cause, 0)}`;
}

function badge(run) {
  if (run.trouble) return 'trouble';
  if (run.left === 0 && run.state === 'playing') return 'playing';
  if (run.left === 0) return run.state;
  if (run.untold > 0) return `${run.noted} of ${run.bots} remembered`;
  return run.noted >= run.bots ? (run.bots === 1 ? 'noticed' : `all ${run.bots} noticed`)
    : `${run.noted} of ${run.bots} noticed`;
}

function when(run, cause, nowNs) {
  const expectedSeconds = cause?.expect_seconds ?? 0;
  const expected = expectedSeconds > 0 ? `; as a rule it takes ${expectedSeconds} s` : '';
  if (run.left === 0 && run.isOut) {
    return `${run.bots === 1 ? 'It plays' : 'They play'} for a moment first.`;
  }
  const said = run.trouble ? [sentence(run.trouble)] : [];
  if (run.awaited > 0) {
    const sinceMs = (nowNs - run.firstNs) / 1e6;
    said.push(`${run.noted === 0 ? 'Not' : `${run.awaited} not`} noticed yet, `
      + `for ${duration(Math.max(0, sinceMs))}${expected}.`);
  }
  if (run.times !== null) said.push(timesText(run));
  if (run.unconnected > 0) said.push(`${run.unconnected} had no connection.`);
  if (run.untold > 0) said.push(`Of ${run.untold} the server tells nothing any more.`);
  return said.join(' ');
}

function timesText({ noted, times: { fastestMs, medianMs, slowestMs } }) {
  if (noted === 1) return `Noticed ${delay(fastestMs)}.`;
  if (delay(fastestMs) === delay(slowestMs)) return `Each noticed ${delay(slowestMs)}.`;
  return `Noticed ${delay(fastestMs)} at the fastest, ${delay(medianMs)} in the middle, `
    + `${delay(slowestMs)} at the slowest.`;
}

function whom({ left }) {
  return left === 1 ? 'it' : `these ${left}`;
}

function groupElement(group, isMany, isLinked) {
  const { reason, path, count: number, kernel, noticed, done, paragraph } = group;
  const facts = make('dl');
  const told = { 'The kernel said': kernel, 'It was noticed': noticed, Then: done };
  for (const [name, words] of Object.entries(told)) {
    if (words) facts.append(make('dt', '', name), make('dd', '', words));
  }
  const counted = make('p', 'counted', isMany ? `${count(number, 'leave')}: ` : '',
    make('code', '', `${reason} / ${path}`), ' ', isLinked ? '' : link(paragraph));
  return make('div', 'group', counted, facts);
}

function link(paragraph) {
  return paragraph ? paragraphLink(paragraph, paragraphName(paragraph)) : '';
}
