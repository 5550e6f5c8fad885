// How the lab page joins what the server notes with what the lab's bots did.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Ledger } from '../../server/web/lab/ledger.js';
import { answer, departure, left, run } from './lab.mjs';

const A = '127.0.0.1:40000';
const B = '127.0.0.1:40001';

// A ledger that has had these answers.
function told(...answers) {
  const ledger = new Ledger();
  for (const one of answers) assert.ok(ledger.handleAnswer(one));
  return ledger;
}

function kinds({ entries }) {
  return entries.map((entry) => (entry.kind === 'run' ? `run ${entry.number}`
    : `${entry.count} ${entry.reason}/${entry.path}`));
}

test('a leave and its departure meet, whichever is told first', () => {
  const runs = [run(1, 1, 'leaving')];
  const leave = { left: [left(1, 1, 3, A)] };
  const noted = { departures: [departure(1, 3.002, A)] };
  for (const [first, second] of [[leave, noted], [noted, leave], [{ ...leave, ...noted }, {}]]) {
    const ledger = told(answer(3.1, { runs, ...first }), answer(3.3, { runs, ...second }));
    assert.deepEqual(kinds(ledger), ['run 1']);
    const [entry] = ledger.entries;
    assert.deepEqual([entry.left, entry.noted, entry.awaited], [1, 1, 0]);
    assert.equal(Math.round(entry.times.slowestMs), 2);
    assert.equal(entry.groups.get('reset/event').kernel, 'It said ECONNRESET.');
  }
});

test('a departure that was shown as a stranger moves to the run that claims it', () => {
  const ledger = told(
    answer(3, { departures: [departure(1, 2.9, A), departure(2, 2.95, B)] }),
    answer(3.2, { runs: [run(1, 1, 'over')], left: [left(1, 1, 2.9, A)], next: 2 }),
  );
  assert.deepEqual(kinds(ledger), ['1 reset/event', 'run 1']);
  assert.equal(ledger.entries[0].departures[0].address, B);
  assert.equal(ledger.counts.get('reset/event').total, 2, 'and is counted once');
  const alone = told(
    answer(3, { departures: [departure(1, 2.9, A)] }),
    answer(3.2, { runs: [run(1, 1, 'over')], left: [left(1, 1, 2.9, A)], next: 1 }),
  );
  assert.deepEqual(kinds(alone), ['run 1']);
});

test('while bots are out, a departure waits a moment for one to claim it', () => {
  const ledger = told(
    answer(3, { runs: [run(1, 1, 'leaving')], departures: [departure(1, 2.9, B)] }),
  );
  assert.deepEqual(kinds(ledger), ['run 1']);
  ledger.handleAnswer(answer(5, { runs: [run(1, 1, 'leaving')], next: 1 }));
  assert.deepEqual(kinds(ledger), ['1 reset/event', 'run 1']);
  const idle = told(answer(3, { departures: [departure(1, 2.9, B)] }));
  assert.deepEqual(kinds(idle), ['1 reset/event']);
});

test('an address that is used again belongs to the leave nearest to the departure', () => {
  const runs = [run(1, 1, 'over'), run(2, 1, 'over')];
  const lefts = [left(1, 1, 3, A), left(2, 2, 20, A)];
  const noted = [departure(1, 3.001, A), departure(2, 20.004, A)];
  const orders = [
    [{ left: lefts }, { departures: noted }],
    [{ departures: noted }, { left: lefts, next: 2 }],
    [{ left: lefts, departures: noted }, { next: 2 }],
  ];
  for (const [first, second] of orders) {
    const ledger = told(answer(21, { runs, ...first }), answer(21.2, { runs, ...second }));
    const times = ledger.entries.map(({ number, times: { slowestMs } }) =>
      [number, Math.round(slowestMs)]).toSorted();
    assert.deepEqual(times, [[1, 1], [2, 4]]);
  }
  const lost = told(answer(21, { runs, left: lefts, departures: noted.slice(1) }));
  const awaited = lost.entries.map(({ number, awaited: one }) => [number, one]).toSorted();
  assert.deepEqual(awaited, [[1, 1], [2, 0]], 'the first one is still waited for');
});

test('an old departure of the same address is nobody of the lab', () => {
  const ledger = told(
    answer(10, { departures: [departure(1, 3, A)] }),
    answer(20, { runs: [run(1, 1, 'leaving')], left: [left(1, 1, 20, A)], next: 1 }),
  );
  const [entry] = ledger.entries.filter(({ kind }) => kind === 'run');
  assert.equal(entry.noted, 0);
  assert.equal(entry.awaited, 1);
  assert.equal(ledger.runOf(A), entry, 'the connection that is still there is marked');
  assert.equal(ledger.runOf(B), null);
  ledger.handleAnswer(answer(26, {
    runs: [run(1, 1, 'over')], departures: [departure(2, 25.5, A, { path: 'timer' })],
  }));
  assert.equal(entry.times.slowestMs, 5500);
  assert.equal(ledger.runOf(A), null);
});

test('a server may note a leave just before the bot has said so, but not long before', () => {
  const runs = [run(1, 1, 'over')];
  const early = told(
    answer(4, { runs, left: [left(1, 1, 3, A)], departures: [departure(1, 2.9999, A)] }),
  );
  assert.ok(early.entries[0].times.slowestMs < 0);
  const before = told(
    answer(4, { runs, left: [left(1, 1, 3, A)], departures: [departure(1, 1.5, A)] }),
  );
  assert.equal(before.entries.find(({ kind }) => kind === 'run').noted, 0);
});

test('many leaves of a run are one entry, with groups and the first fifty in full', () => {
  const lefts = Array.from({ length: 200 }, (_, at) => left(at + 1, 1, 3, `10.0.0.1:${at}`));
  const noted = lefts.map(({ address }, at) =>
    departure(at + 1, 3 + (at + 1) / 1000, address, at < 150 ? {} : { path: 'read' }));
  const ledger = told(
    answer(4, { runs: [run(1, 200, 'over')], left: lefts, departures: noted.slice(0, 100) }),
    answer(4.1, { runs: [run(1, 200, 'over')], departures: noted.slice(100) }),
  );
  const [entry, ...rest] = ledger.entries;
  assert.equal(rest.length, 0);
  assert.deepEqual([...entry.groups].map(([key, { count }]) => [key, count]),
    [['reset/event', 150], ['reset/read', 50]]);
  const { fastestMs, medianMs, slowestMs } = entry.times;
  assert.deepEqual([fastestMs, medianMs, slowestMs].map(Math.round), [1, 100, 200]);
  assert.equal(entry.rows.length, 50);
  assert.ok(!entry.isOut);
  assert.deepEqual(entry.span(9e9), { fromNs: 3e9, toNs: 3.2e9 });
  assert.equal(ledger.marks(2.9e9).filter(({ isOurs }) => isOurs).length, 200);
  assert.deepEqual(ledger.marks(3e9), []);
});

test('equal departures that follow each other are folded, others are not', () => {
  const served = { reason: 'served', path: 'read' };
  const ledger = told(answer(9, { departures: [
    departure(1, 1, A, served), departure(2, 2, B, served), departure(3, 3, A),
    departure(4, 4, B, served),
  ] }));
  assert.deepEqual(kinds(ledger), ['1 served/read', '1 reset/event', '2 served/read']);
  assert.deepEqual(ledger.marks(2.5e9).map(({ isOurs }) => isOurs), [false, false]);
});

test('events stand in the order of their time, newest first, whenever they were told', () => {
  const ledger = told(answer(9, {
    runs: [run(1, 1, 'over', { started_ns: 5e9 })],
    departures: [departure(1, 2, A), departure(2, 8, B)],
  }));
  assert.deepEqual(kinds(ledger), ['1 reset/event', 'run 1', '1 reset/event']);
});

test('a bot without a connection is not waited for, and one that fails says why', () => {
  const ledger = told(answer(4, {
    runs: [run(1, 2, 'over'), run(2, 1, 'failed', { trouble: 'no permission' })],
    left: [left(1, 1, 3, null), left(2, 1, 3, A)], departures: [departure(1, 3, A)],
  }));
  const [first] = ledger.entries.filter(({ number }) => number === 1);
  assert.deepEqual([first.unconnected, first.awaited, first.isOut], [1, 0, false]);
  assert.equal(ledger.entries.find(({ number }) => number === 2).trouble, 'no permission');
});

test('requests go on where answers ended, and a new server is noticed', () => {
  const ledger = new Ledger();
  assert.deepEqual(ledger.cursors, { after: 0, leftAfter: 0 });
  ledger.handleAnswer(answer(3, {
    runs: [run(1, 1, 'over')], left: [left(7, 1, 3, A)], departures: [departure(9, 3, A)],
  }));
  assert.deepEqual(ledger.cursors, { after: 9, leftAfter: 7 });
  assert.equal(ledger.handleAnswer(answer(1, { started_ns: 5 })), false);
  assert.equal(ledger.entries.length, 1, 'and nothing of it is taken');
});

test('what happened before the page was opened is told apart', () => {
  const ledger = told(
    answer(10, { departures: [departure(1, 3, A)], departures_forgotten: 4 }),
    answer(12, { departures: [departure(2, 11, B)], departures_total: 6 }),
  );
  const count = ledger.counts.get('reset/event');
  assert.deepEqual([count.seen, count.total, ledger.forgotten, ledger.total], [1, 2, 4, 6]);
});

test('nothing grows without bound', () => {
  const ledger = new Ledger();
  let number = 0;
  const departures = (count, second, reason) => Array.from({ length: count }, () => {
    number += 1;
    return departure(number, second, `10.0.0.2:${number}`, { reason });
  });
  ledger.handleAnswer(answer(1, { departures: departures(300, 1, 'served') }));
  assert.equal(ledger.entries[0].count, 300);
  assert.equal(ledger.entries[0].departures.length, 50);
  for (let at = 1; at <= 600; at += 1) {
    const second = 1 + at / 10;
    ledger.handleAnswer(answer(second, {
      runs: [run(at, 1, 'over', { started_ns: second * 1e9 })],
      left: [left(at, at, second, `10.0.0.3:${at}`)],
      departures: departures(20, second, at % 2 === 0 ? 'fin' : 'reset'),
    }));
  }
  assert.equal(ledger.entries.length, 200);
  assert.equal(ledger.runOf('10.0.0.3:1'), null, 'what is forgotten is not waited for');
  assert.equal(ledger.runOf('10.0.0.3:600').number, 600);
});

test('departures are still told of when bots have claimed all that are kept in full', () => {
  const noted = Array.from({ length: 60 }, (_, at) =>
    departure(at + 1, 3 + at / 1000, `10.0.0.4:${at}`));
  const claims = noted.slice(10).map(({ address }, at) => left(at + 1, 1, 3, address));
  const ledger = told(
    answer(4, { departures: noted }),
    answer(4.2, { runs: [run(1, 50, 'over')], left: claims, next: 60, departures_total: 60 }),
  );
  const [entry] = ledger.entries.filter(({ kind }) => kind === 'others');
  assert.deepEqual([entry.count, entry.departures.length], [10, 0]);
  assert.deepEqual([entry.reason, entry.path], ['reset', 'event']);
  const { paragraph, kernel, noticed, done } = entry.account;
  assert.deepEqual([paragraph, kernel, noticed, done],
    ['m09-reset', 'It said ECONNRESET.', 'The poll hinted at it.', 'Closed.']);
});

test('of a storm while bots are out, every departure gets into the feed', () => {
  const noted = Array.from({ length: 2500 }, (_, at) =>
    departure(at + 1, 3, `10.0.0.5:${at}`));
  const ledger = told(
    answer(3.1, { runs: [run(1, 1, 'leaving')], departures: noted }),
    answer(9, { runs: [run(1, 1, 'leaving')], next: 2500, departures_total: 2500 }),
  );
  assert.deepEqual(kinds(ledger), ['2500 reset/event', 'run 1']);
});

test('an answer that cannot be understood is not taken a second time', () => {
  const ledger = new Ledger();
  const broken = answer(3, { departures: [departure(1, 2.9, A), null], next: 2, left_next: 5 });
  assert.throws(() => ledger.handleAnswer(broken), TypeError);
  assert.deepEqual(ledger.cursors, { after: 2, leftAfter: 5 });
  ledger.handleAnswer(answer(3.2, { next: 2 }));
  assert.deepEqual(kinds(ledger), ['1 reset/event'], 'and what was understood is shown');
});

test('what the server never tells is not waited for without end', () => {
  const given = told(answer(5, { runs: [run(1, 1, 'over')], left: [left(1, 1, 3, A)] }));
  given.handleAnswer(answer(500, { runs: [run(1, 1, 'over')] }));
  assert.deepEqual([given.entries[0].untold, given.entries[0].isOut], [1, false]);
});

test('nothing is given up before everything has been told', () => {
  const late = { runs: [run(1, 1, 'over')], left: [left(1, 1, 3, A)], departures_total: 101 };
  const ledger = told(
    answer(900, { ...late, departures: [departure(100, 2, B)] }),
    answer(901, { departures: [departure(101, 3, A)] }),
  );
  const [entry] = ledger.entries.filter(({ kind }) => kind === 'run');
  assert.deepEqual([entry.noted, entry.untold], [1, 0]);
});

test('what the server has forgotten is not called unnoticed', () => {
  const opened = { departures: [departure(300, 9, B)], departures_forgotten: 299 };
  const lefts = { left: [left(1, 1, 3, A)] };
  const states = (state, forgotten) => {
    const ledger = told(
      answer(10, {
        runs: [run(1, 1, state)], ...lefts, ...opened, departures_forgotten: forgotten,
      }),
    );
    const [{ untold, awaited }] = ledger.entries.filter((entry) => entry.kind === 'run');
    return [untold, awaited];
  };
  assert.deepEqual(states('over', 299), [1, 0]);
  assert.deepEqual(states('leaving', 299), [0, 1], 'its bots are still waiting');
  assert.deepEqual(states('over', 0), [0, 1], 'then the server has not noticed');
});
