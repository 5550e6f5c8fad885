// Everything of the lab page that is a figure or a table: vital signs, connections, leaves, rooms.
//
// Data flow: the last answer of the server, counts of ledger.js, figures of vitals.js and
// pulse.js -> elements of index.html. It judges nothing but whether a figure looks bad.

import { element, fillTable, paragraphLink, write } from './dom.js';
import { count, duration, paragraphName, size } from './words.js';

/** Over how many seconds "lately" is. */
const LATELY_SECONDS = 10;

/** Shows what the server says of itself. */
export function showVitals({ connections, players_away: away, ticks }, vitals) {
  const { playing, handshake, lingering } = connections;
  write('players', String(playing));
  write('players-note', away === 0 ? 'nobody is away' : `and ${count(away, 'seat')} held`);
  write('connections', String(handshake + playing + lingering));
  write('connections-note', lingering + handshake === 0 ? 'all of them play'
    : `${handshake} not in yet, ${lingering} being told goodbye`);
  const lately = vitals.last(LATELY_SECONDS);
  const isKnown = lately !== null && lately.ticks > 0;
  const bound = ({ lateMs, isBeyond }) => `${isBeyond ? '>' : '\u2264'} ${duration(lateMs)}`;
  write('late', isKnown ? bound(lately) : '-');
  const work = isKnown ? `; longest work ${bound({
    lateMs: lately.workMs, isBeyond: lately.isWorkBeyond,
  })}` : '';
  write('late-note', `worst of the last ${LATELY_SECONDS} s${work}`);
  write('missed', String(lately?.missed ?? 0));
  write('missed-note', `in the last ${LATELY_SECONDS} s; ${ticks.missed} of ${ticks.total} ever`);
  element('late-tile').classList.toggle('bad', isKnown && lately.isBeyond);
  element('missed-tile').classList.toggle('bad', (lately?.missed ?? 0) > 0);
}

/** Shows what the witness sees: `summary` of its `Pulse`, or `null`; and `words` about it. */
export function showWitness(summary, periodMs, words) {
  const figure = (ms) => (summary === null ? '-' : duration(ms));
  write('wait-last', figure(summary?.lastMs));
  write('wait-p99', figure(summary?.p99Ms));
  write('wait-worst', figure(summary?.worstMs));
  write('wait-period', periodMs === null ? '' : `a tick is ${duration(periodMs)}`);
  write('witness-words', words);
}

/** Shows the connections. `whoIs` says who somebody is: `{ text, kind }`. */
export function showMembers({ members, members_total: total }, whoIs) {
  const hidden = total > members.length ? `, ${members.length} are shown` : '';
  write('members-note', `(${total}${hidden})`);
  const who = members.map(whoIs);
  const rows = members.map((member, index) => {
    const { wire, room, player, round_trip_ms: roundTrip, queued_bytes: queued } = member;
    return [
      who[index].text, member.address, WIRES[wire] ?? wire, state(member),
      room === null ? '' : `${room}, player ${player}`, duration(member.age_seconds * 1000),
      `${member.heard_seconds_ago.toFixed(1)} s ago`,
      roundTrip === null ? '' : `${roundTrip} ms`,
      size(queued + member.backlog_bytes),
    ];
  });
  fillTable(element('members'), rows, (row, index) => {
    row.dataset.who = who[index].kind;
    row.dataset.state = members[index].stalled ? 'stalled' : members[index].state;
  });
}

/** Shows how often somebody left in which way. */
export function showLeaves({ counts, forgotten, total }) {
  const sorted = [...counts.values()].toSorted((one, other) =>
    other.total - one.total || one.reason.localeCompare(other.reason));
  fillTable(element('leaves'), sorted.map(({ reason, path, paragraph, seen, total: all }) => [
    reason, path, String(seen), String(all),
    paragraph ? paragraphLink(paragraph, paragraphName(paragraph)) : '',
  ]));
  write('leaves-note', forgotten === 0 ? `${total} in all.`
    : `${total} in all. Of ${forgotten} before that the server remembers nothing.`);
}

/** Shows the rooms. */
export function showRooms({ rooms, rooms_total: total }) {
  const hidden = total > rooms.length ? `, ${rooms.length} are shown` : '';
  write('rooms-note', `(${total}${hidden})`);
  fillTable(element('rooms'), rooms.map((room) => [
    String(room.id), room.game, String(room.players), String(room.away), String(room.seats),
    String(room.tick), String(room.tick_hz),
  ]));
}

const WIRES = { native: 'TCP', websocket: 'WebSocket', unknown: '' };

function state({ state: name, stalled, blocked_seconds: blocked }) {
  const said = [name];
  if (stalled) said.push('stalled');
  if (blocked !== null) said.push(`does not read for ${blocked.toFixed(1)} s`);
  return said.join(', ');
}
