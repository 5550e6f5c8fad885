// The lab page: asks the server again and again what happens, and shows it.
//
// Data flow: GET /api/lab -> Ledger (events), Vitals (ticks), Clock -> feed, tables, panel;
// the witness -> Pulse -> figures and chart; a button -> POST /lab/send. The parts do not know
// each other; they meet here. One request at a time.

import { Chart } from './chart.js';
import { Clock } from './clock.js';
import { element, write } from './dom.js';
import { Feed, verdict } from './feed.js';
import { Ledger } from './ledger.js';
import { WINDOW_MS } from './pulse.js';
import { NO_BROWSERS, SendPanel } from './send.js';
import { showLeaves, showMembers, showRooms, showVitals, showWitness } from './tables.js';
import { Vitals } from './vitals.js';
import { Witness, addressOf } from './witness.js';
import { sentence, witnessed } from './words.js';

/** Between an answer and the next request, in ms; while nobody looks or answers; while behind. */
const ASK_EVERY_MS = 250;
const ASK_SLOWLY_MS = 2000;
const CATCH_UP_MS = 20;
/** A server that has not answered after this does not answer, in ms. */
const PATIENCE_MS = 8000;
/** The chart is drawn so often, in ms, and so often for people who want little motion. */
const DRAW_EVERY_MS = 200;
const DRAW_CALMLY_MS = 1000;
/** Between two sentences for screen readers, in ms. */
const ANNOUNCE_EVERY_MS = 3000;
/** A run is judged this long after its last leave, in ns: the next ticks belong to it. */
const AFTERMATH_NS = 0.5e9;
/** How long a notice stands, in ms. */
const NOTICE_MS = 6000;

const timeOfDay = new Intl.DateTimeFormat([], { timeStyle: 'medium', hourCycle: 'h23' });
const clock = new Clock();
const vitals = new Vitals();
const witness = new Witness();
const feed = new Feed();
const chart = new Chart(element('chart'));
const panel = new SendPanel(send);

let ledger = new Ledger();
let answer = null;
// An error of the page itself, as a sentence: it stands until the page is loaded anew.
let fault = '';
let noticeMs = -Infinity;
// What screen readers have not been told yet, and when they were told something.
let unsaid = '';
let announcedMs = -Infinity;
let latestMs = -Infinity;
// Ends the wait before the next request.
let wake = () => {};

document.addEventListener('visibilitychange', () => {
  witness.handleVisibility(document.hidden);
  wake();
});
if (document.hidden) witness.handleVisibility(true);
const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;
setInterval(drawWitness, isCalm ? DRAW_CALMLY_MS : DRAW_EVERY_MS);
askForEver();

async function askForEver() {
  for (;;) {
    const waitMs = await ask().catch(handleFault);
    await new Promise((resolve) => {
      wake = resolve;
      setTimeout(resolve, waitMs);
    });
  }
}

// Asks once; how long to wait until the next time, in ms.
async function ask() {
  const { after, leftAfter } = ledger.cursors;
  const askedMs = performance.now();
  let told;
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const response = await fetch(`/api/lab?after=${after}&left_after=${leftAfter}`, { signal });
    if (!response.ok) throw new Error(`it says ${response.status}`);
    told = await response.json();
  } catch (error) {
    handleSilence(error);
    return ASK_SLOWLY_MS;
  }
  if (!ledger.handleAnswer(told)) {
    beginAnew();
    return 0;
  }
  const heardMs = performance.now();
  clock.handleAnswer(told.now_ns, askedMs, heardMs);
  vitals.handleAnswer(told.now_ns, told.ticks);
  answer = told;
  if (heardMs - noticeMs > NOTICE_MS) endNotice();
  if (heardMs - latestMs > NOTICE_MS) element('latest').hidden = true;
  speak(heardMs);
  showAnswer();
  if (told.next < told.departures_total) return CATCH_UP_MS;
  return document.hidden ? ASK_SLOWLY_MS : ASK_EVERY_MS;
}

function handleSilence({ message }) {
  const seconds = ASK_SLOWLY_MS / 1000;
  const again = `It is asked again every ${seconds} s.`;
  say(`The server does not answer (${message}): is it running? ${again}`);
  noticeMs = -Infinity;
  if (answer !== null) panel.show(answer, false);
}

// Something failed that is no silence of the server. It is asked again all the same; how long to
// wait until then, in ms.
function handleFault(error) {
  console.error(error);
  fault = `This page has an error: ${error.message}; reload it.`;
  say(fault);
  return ASK_SLOWLY_MS;
}

// Another server has taken the place of the one that we knew.
function beginAnew() {
  ledger = new Ledger();
  clock.clear();
  vitals.clear();
  say('The server was started again. What happened before that is forgotten.');
}

function say(text) {
  write('banner', text);
  element('banner').hidden = false;
  noticeMs = performance.now();
}

function endNotice() {
  write('banner', fault);
  element('banner').hidden = fault === '';
}

function showAnswer() {
  const { now_ns: nowNs } = answer;
  const address = addressOf(answer, location.hostname);
  witness.join(answer.open ? address : null);
  element('game-link').hidden = address === null;
  if (address !== null) element('game-link').href = `http://${address}/`;
  for (const run of ledger.entries) if (run.kind === 'run') judge(run, nowNs);
  const causes = new Map(answer.causes.map((cause) => [cause.name, cause]));
  const timeOf = (ns) => timeOfDay.format(performance.timeOrigin + clock.toMs(ns));
  feed.show(ledger.entries, { causes, nowNs, timeOf });
  panel.show(answer, true);
  showVitals(answer, vitals);
  showMembers(answer, whoIs);
  showLeaves(ledger);
  showRooms(answer);
}

// What the others felt while the bots of a run left; for good once it is over.
function judge(run, nowNs) {
  if (run.isJudged) return;
  const span = run.span(nowNs);
  if ((span?.fromNs ?? run.atNs) < ledger.openedNs) return;
  if (span === null) {
    if (!run.isOut) conclude(run);
    return;
  }
  const toNs = span.toNs + AFTERMATH_NS;
  const [fromMs, toMs] = [clock.toMs(span.fromNs), clock.toMs(toNs)];
  run.others = {
    ticks: vitals.between(span.fromNs, toNs),
    worstMs: witness.pulse.worstBetween(fromMs, Math.min(toMs, performance.now())),
    losses: witness.pulse.lossesBetween(fromMs, toMs),
  };
  if (run.isOut || nowNs < toNs) return;
  conclude(run);
}

// Says what became of a run, once.
function conclude(run) {
  run.isJudged = true;
  announce(verdict(run, answer.causes.find(({ name }) => name === run.cause)));
}

// For those who do not see the feed: one sentence now and then, here and at the edge of a phone.
function announce(text) {
  element('latest').hidden = false;
  write('latest', text);
  latestMs = performance.now();
  unsaid = text;
}

function speak(nowMs) {
  if (unsaid === '' || nowMs - announcedMs < ANNOUNCE_EVERY_MS) return;
  announcedMs = nowMs;
  write('announcer', unsaid);
  unsaid = '';
}

function whoIs({ address, player, room }) {
  const { seat } = witness;
  if (seat !== null && seat.player === player && seat.room === room) {
    return { text: 'the witness', kind: 'witness' };
  }
  const run = ledger.runOf(address);
  if (run === null) return { text: '', kind: 'other' };
  return { text: `run ${run.number}, ${run.cause}`, kind: 'bot' };
}

function drawWitness() {
  if (document.hidden || answer === null) return;
  const nowMs = performance.now();
  const { pulse, trouble } = witness;
  const { periodMs } = pulse;
  const summary = pulse.summary(nowMs);
  const isMeasured = summary !== null && periodMs !== null;
  const closed = !answer.open ? 'The lab is closed. '
    : answer.websocket ? '' : `${NO_BROWSERS} `;
  const words = trouble !== '' ? closed + trouble
    : isMeasured ? witnessed(summary, periodMs) : 'The witness is in and begins to measure.';
  showWitness(summary, periodMs, words);
  const marks = ledger.marks(clock.toNs(nowMs - WINDOW_MS))
    .map(({ atNs, isOurs }) => ({ atMs: clock.toMs(atNs), isOurs }));
  chart.draw({
    waits: pulse.waits(nowMs), openMs: pulse.openMs(nowMs), marks, periodMs, nowMs, says: words,
  });
}

async function send({ cause, bots, transport }) {
  try {
    const query = new URLSearchParams({ cause, bots, transport });
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const response = await fetch(`/lab/send?${query}`, { method: 'POST', signal });
    if (!response.ok) return { refused: sentence((await response.text()).trim()) };
    const { run } = await response.json();
    wake();
    return { run };
  } catch (error) {
    return { refused: `The server does not answer (${error.message}).` };
  }
}
