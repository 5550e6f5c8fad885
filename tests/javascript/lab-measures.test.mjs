// What the lab page makes of times: the server's ticks, the witness's waits, two clocks, words.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Clock } from '../../server/web/lab/clock.js';
import { Pulse } from '../../server/web/lab/pulse.js';
import { Vitals, difference, quantile, worst } from '../../server/web/lab/vitals.js';
import {
  count, delay, duration, lateness, others, paragraphName, sentence, size, witnessed,
} from '../../server/web/lab/words.js';

const BOUNDS = [0.0001, 0.001, 0.01, null];
const buckets = (...numbers) => BOUNDS.map((bound, at) => [bound, numbers[at]]);

test('a lateness is known to its bucket, and above the last one it is more than that', () => {
  const before = buckets(100, 110, 111, 112);
  const some = difference(before, buckets(150, 169, 170, 172));
  assert.deepEqual(some, buckets(50, 59, 59, 60));
  assert.deepEqual(quantile(some, 0.5), { ms: 0.1, isBeyond: false });
  assert.deepEqual(quantile(some, 0.95), { ms: 1, isBeyond: false });
  assert.deepEqual(worst(some), { ms: 10, isBeyond: true });
  assert.deepEqual(worst(difference(before, buckets(101, 112, 113, 114))),
    { ms: 1, isBeyond: false });
  assert.deepEqual(worst(difference(before, before)), { ms: 0, isBeyond: false });
});

// What a server tells of its ticks after so many, of which some came late.
function ticks(total, late, missed = 0) {
  const counts = buckets(total - late, total - late, total, total);
  return { total, missed, late_buckets: counts, work_buckets: buckets(0, total, total, total) };
}

test('what happened in a time is the difference of the looks around it', () => {
  const vitals = new Vitals();
  assert.equal(vitals.last(10), null);
  for (let second = 0; second <= 20; second += 1) {
    const [late, missed] = [second >= 10 ? 1 : 0, second >= 15 ? 2 : 0];
    vitals.handleAnswer(second * 1e9, ticks(second * 20, late, missed));
  }
  const calm = vitals.between(2.5e9, 8.5e9);
  assert.deepEqual([calm.ticks, calm.missed, calm.lateMs, calm.workMs], [140, 0, 0.1, 1]);
  const rough = vitals.between(9.5e9, 30e9);
  assert.deepEqual([rough.ticks, rough.missed, rough.lateMs], [220, 2, 10]);
  assert.equal(vitals.between(-1, 5e9), null, 'nobody looked before it');
  assert.equal(vitals.between(20e9, 25e9), null, 'nobody has looked after it');
  assert.equal(vitals.last(4).missed, 0);
  assert.equal(vitals.last(100).ticks, 400);
  vitals.clear();
  assert.equal(vitals.last(10), null);
});

test('looks are forgotten in time', () => {
  const vitals = new Vitals();
  for (let second = 0; second <= 1000; second += 1) {
    vitals.handleAnswer(second * 1e9, ticks(second * 20, 0));
  }
  assert.equal(vitals.between(700e9, 900e9), null);
  assert.equal(vitals.between(800e9, 900e9).ticks, 2000);
});

test('the quickest answer says best what time it is at the server', () => {
  const clock = new Clock();
  assert.equal(clock.toMs(0), null);
  clock.handleAnswer(1000e6, 90, 310);
  assert.equal(clock.toMs(1000e6), 200);
  clock.handleAnswer(2000e6, 1100, 1102);
  clock.handleAnswer(3000e6, 2000, 2900);
  assert.equal(clock.toMs(2000e6), 1101);
  assert.equal(clock.toNs(1101), 2000e6);
  for (let at = 0; at < 100; at += 1) clock.handleAnswer(4000e6, 3000, 3010);
  assert.equal(clock.toMs(4000e6), 3005, 'what is long ago counts no more');
});

// A witness that has had a snapshot at each of these times.
function pulseOf(...times) {
  const pulse = new Pulse();
  pulse.begin(20);
  for (const atMs of times) pulse.handleSnapshot(atMs);
  return pulse;
}

test('waits are measured from one snapshot to the next', () => {
  const even = Array.from({ length: 200 }, (_, at) => at * 50);
  const pulse = pulseOf(...even, 10_030);
  const { lastMs, p99Ms, worstMs, count: number } = pulse.summary(10_040);
  assert.deepEqual([lastMs, p99Ms, worstMs, number], [80, 50, 80, 200]);
  assert.equal(pulse.worstBetween(1000, 2000), 50);
  assert.equal(pulse.worstBetween(9990, 10_000), 80, 'a wait that was under way counts');
  assert.equal(pulse.worstBetween(20_000, 21_000), 10_970, 'and one that is');
  assert.equal(pulse.summary(60_000), null, 'what is older than 30 s is not shown');
});

test('as long as nothing comes, the wait itself is told', () => {
  const pulse = pulseOf(0, 50, 100);
  assert.equal(pulse.openMs(190), 0);
  assert.equal(pulse.openMs(400), 300);
  assert.equal(pulse.summary(400).worstMs, 300);
  assert.equal(pulse.worstBetween(150, 400), 300);
});

test('what a hidden tab does to times is not held against the server', () => {
  const pulse = pulseOf(0, 50);
  pulse.hide();
  for (const atMs of [1050, 2050]) pulse.handleSnapshot(atMs);
  assert.equal(pulse.openMs(3000), 0);
  pulse.show(5000);
  for (const atMs of [5200, 5900, 6100, 6150]) pulse.handleSnapshot(atMs);
  assert.deepEqual(pulse.waits(6200).map(({ waitedMs }) => waitedMs), [50, 50]);
});

test('a lost connection is a loss and no wait', () => {
  const pulse = pulseOf(0, 50);
  pulse.lose(1000);
  pulse.lose(1500);
  assert.equal(pulse.openMs(2000), 0);
  pulse.begin(20);
  for (const atMs of [9000, 9050]) pulse.handleSnapshot(atMs);
  assert.equal(pulse.summary(9100).worstMs, 50);
  assert.deepEqual([pulse.lossesBetween(500, 2000), pulse.lossesBetween(2000, 9000)], [1, 0]);
});

test('a game without ticks has no waits that are too long', () => {
  const pulse = new Pulse();
  pulse.begin(0);
  pulse.handleSnapshot(0);
  assert.deepEqual([pulse.periodMs, pulse.openMs(9000)], [null, 0]);
});

test('waits are forgotten in time', () => {
  const pulse = pulseOf(...Array.from({ length: 20_000 }, (_, at) => at * 50));
  assert.equal(pulse.worstBetween(0, 500_000), null);
  assert.equal(pulse.worstBetween(900_000, 950_000), 50);
});

test('times and sizes are words that people read', () => {
  const times = [0, 0.25, 3.21, 53.4, 5020, 12_345, 61_000].map(duration);
  const words = ['0 ms', '0.25 ms', '3.2 ms', '53 ms', '5.02 s', '12.3 s', '1 min 1 s'];
  assert.deepEqual(times, words);
  assert.deepEqual([-0.3, 0.05, 0.5].map(delay), ['at once', 'at once', 'after 0.50 ms']);
  assert.deepEqual([count(1, 'tick'), count(0, 'tick')], ['1 tick', '0 ticks']);
  assert.deepEqual([9999, 123_456, 45e6].map(size), ['9999 B', '123 kB', '45 MB']);
  assert.equal(paragraphName('m09-reset'), 'M09 reset');
  assert.equal(paragraphName('the-catalogue'), 'The catalogue');
  assert.deepEqual(['no. Not', 'Why?', ''].map(sentence), ['No. Not.', 'Why?', '']);
});

test('the others are described by what was measured, and by nothing else', () => {
  const calm = { ticks: 20, missed: 0, lateMs: 0.25, isBeyond: false };
  assert.equal(others({ ticks: calm, worstMs: 52, losses: 0 }, 'these 20'), 'While these 20 left: '
    + 'no tick missed, none later than 0.25 ms, the witness waited 52 ms at most.');
  const rough = { ticks: 20, missed: 1, lateMs: 10, isBeyond: true };
  assert.equal(others({ ticks: rough, worstMs: null, losses: 1 }, 'it'),
    'While it left: 1 tick missed, more than 10 ms late, the witness lost its connection.');
  assert.equal(others({ ticks: null, worstMs: null, losses: 0 }, 'it'), '');
  assert.equal(lateness({ lateMs: 1, isBeyond: false }), 'none later than 1.0 ms');
  assert.ok(witnessed({ worstMs: 53, p99Ms: 51 }, 50).includes('worst after 53 ms'));
});
