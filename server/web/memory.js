// What the page remembers: the player's name for ever, the way back to the seat for this tab.
//
// A tab's own storage is what makes a reload come back to the same seat, and another tab not. A
// browser may refuse to store anything; then the page works and forgets.

const NAME = 'gamekeeper-name';
const WAY_BACK = 'gamekeeper-way-back';
const FIRST = ['Brave', 'Calm', 'Clever', 'Eager', 'Gentle', 'Happy', 'Nimble', 'Quick', 'Quiet'];
const SECOND = ['Badger', 'Falcon', 'Fox', 'Heron', 'Lynx', 'Marten', 'Otter', 'Raven', 'Wren'];

/** The player's name, or `null` if nobody has chosen one yet. */
export function storedName() {
  return attempt(() => localStorage.getItem(NAME));
}

/** Remembers the player's name. */
export function storeName(name) {
  attempt(() => localStorage.setItem(NAME, name));
}

/** A name for somebody who has none. */
export function madeUpName() {
  const one = (words) => words[Math.floor(Math.random() * words.length)];
  return `${one(FIRST)} ${one(SECOND)}`;
}

/** The way back to this tab's seat, or `null`. The client judges whether it is one. */
export function storedWayBack() {
  return attempt(() => JSON.parse(sessionStorage.getItem(WAY_BACK)));
}

/** Remembers the way back, or forgets it if it is `null`. */
export function storeWayBack(wayBack) {
  attempt(() => sessionStorage.setItem(WAY_BACK, JSON.stringify(wayBack)));
}

function attempt(action) {
  try {
    return action();
  } catch {
    return null;
  }
}
