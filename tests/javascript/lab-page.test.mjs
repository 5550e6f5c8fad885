// The lab page as a whole, in a document that is made up: what it does when something is amiss.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { verdict } from '../../server/web/lab/feed.js';
import { Run } from '../../server/web/lab/run.js';
import { openLab } from './lab-document.mjs';
import { cause, departure, left, run, whole } from './lab.mjs';

test('an error of the page is told, and the server is asked on', async () => {
  const page = await openLab();
  await page.hear(whole(3, { departures: [null], next: 1 }));
  assert.ok(page.errors[0] instanceof TypeError);
  const banner = page.element('banner');
  assert.match(banner.textContent, /^This page has an error: .+; reload it\.$/);
  assert.ok(!banner.hidden);
  page.pass(60_000);
  await page.hear(whole(4, { players_away: 7 }));
  assert.equal(page.element('players-note').textContent, 'and 7 seats held',
    'what can be shown is shown');
  assert.ok(!banner.hidden, 'figures may be wrong from now on');
});

test('departures are shown of which none is kept in full', async () => {
  const noted = Array.from({ length: 51 }, (_, at) =>
    departure(at + 1, 3 + at / 1000, `10.0.0.4:${at}`));
  const claims = noted.slice(1).map(({ address }, at) => left(at + 1, 1, 3, address));
  const page = await openLab();
  await page.hear(whole(4, { departures: noted }));
  await page.hear(whole(4.2, { runs: [run(1, 50, 'over')], left: claims, next: 51 }));
  assert.deepEqual(page.errors, []);
  const texts = page.element('feed').children.map(({ textContent }) => textContent);
  const others = texts.find((text) => text.startsWith('reset / event'));
  assert.match(others, /M09 reset/);
});

test('an order that nobody answers does not keep its button for ever', async () => {
  const page = await openLab();
  await page.hear(whole(3));
  const button = page.button('reset');
  const pressed = button.click();
  const [order] = page.requests.filter(({ url }) => url.startsWith('/lab/send'));
  assert.ok(order.how.signal instanceof AbortSignal);
  assert.equal(button.attributes.get('aria-busy'), 'true');
  order.reject(new Error('timed out'));
  await pressed;
  assert.equal(button.attributes.get('aria-busy'), undefined);
});

test('a run in which nobody left is announced, once, and none of before', async () => {
  const trouble = 'a bot could not play: full';
  const old = run(1, 5, 'failed', { trouble: 'long ago' });
  const page = await openLab();
  await page.hear(whole(3, { runs: [old] }));
  const failing = run(2, 5, 'playing', { started_ns: 3.5e9 });
  await page.hear(whole(4, { runs: [old, failing] }));
  await page.hear(whole(5, { runs: [old, { ...failing, state: 'failed', trouble }] }));
  await page.hear(whole(6, { runs: [old, { ...failing, state: 'failed', trouble }] }));
  const announced = 'The reset: A bot could not play: full.';
  assert.equal(page.element('announcer').textContent, announced);
  assert.equal(page.element('latest').textContent, announced);
  page.element('announcer').textContent = '';
  await page.hear(whole(7, { runs: [old, { ...failing, state: 'failed', trouble }] }));
  assert.equal(page.element('announcer').textContent, '');
});

test('a verdict is said of every run, whether somebody left or was noticed or not', () => {
  const over = new Run(run(1, 1, 'over'));
  const reset = cause('reset');
  assert.equal(verdict(over, reset), 'The reset: nobody has left.');
  over.handleLeft(3e9, null);
  assert.equal(verdict(over, reset), 'The reset: 0 of 1 noticed. 1 had no connection.');
  const noticed = new Run(run(2, 1, 'over'));
  noticed.handleLeft(3e9, '127.0.0.1:40000');
  noticed.handleDeparture(departure(1, 4, '127.0.0.1:40000'), 3e9);
  const words = 'The reset: 1 of 1 noticed, 1 reset by event. Noticed after 1.00 s.';
  assert.equal(verdict(noticed, reset), words);
});

test('the game is where the server says, or where the page came from', async () => {
  const places = [
    [{}, '127.0.0.1:7777'], [{ game_host: '[::1]' }, '[::1]:7777'],
    [{ game_host: null }, 'games.example:7777'],
  ];
  for (const [told, address] of places) {
    const page = await openLab('games.example');
    await page.hear(whole(3, told));
    assert.deepEqual(page.joined, [address]);
    assert.equal(page.element('game-link').href, `http://${address}/`);
    assert.ok(!page.element('game-link').hidden);
  }
  const page = await openLab();
  await page.hear(whole(3, { game_host: null, game_port: null }));
  assert.deepEqual(page.joined, []);
  assert.ok(page.element('game-link').hidden);
});

test('where browsers are not let in, nothing is offered over WebSocket', async () => {
  const page = await openLab();
  const radio = (name) => page.element('over-what').querySelector(`[value=${name}]`);
  await page.hear(whole(3));
  assert.ok(!radio('ws').disabled && !page.button('ws-close').disabled);
  assert.ok(page.element('no-websocket').hidden);
  await page.hear(whole(4, { websocket: false, game_host: null, game_port: null }));
  assert.ok(radio('ws').disabled && radio('tcp').checked);
  assert.ok(page.button('ws-close').disabled && !page.button('reset').disabled);
  const why = 'Browsers are not let in here.';
  assert.equal(page.element('no-websocket').textContent, why);
  assert.ok(!page.element('no-websocket').hidden);
  assert.deepEqual(['ws-close', 'reset'].map((name) => page.button(name).title), [why, '']);
  page.draw();
  const shown = page.element('witness-words').textContent;
  assert.equal(shown, `${why} No witness is in the game.`);
  const closed = { open: false, closed_because: 'no', websocket: false, game_port: null };
  await page.hear(whole(5, closed));
  assert.ok(page.button('ws-close').disabled && page.button('reset').disabled);
  assert.ok(page.element('no-websocket').hidden, 'this is not why');
});
