// The witness itself: an ordinary player of the default game, who only listens, in a worker.
//
// Data flow: gamekeeper.js -> what happened and when -> witness.js. It is apart from the page
// because a page that draws keeps its messages waiting, and would be taken for a slow server. It
// plays by the same protocol as everybody, and comes back when it is thrown out. It judges nothing.

import { connect } from '../gamekeeper.js';

const NAME = 'witness';

let client = null;

/** Messages to it are `{ address }`, where to play or `null`, or `{ retry: true }`. */
addEventListener('message', ({ data: { address, retry } }) => {
  if (retry) return client?.retryNow();
  client?.leave();
  client = address === null ? null : join(address);
});

function join(address) {
  const joined = connect({ url: `ws://${address}/ws`, name: NAME });
  const tell = (kind, detail = {}) => {
    if (joined !== client && client !== null) return;
    postMessage({ kind, atMs: performance.timeOrigin + performance.now(), address, ...detail });
  };
  joined.on('state', ({ kind, why }) => tell('state', { state: kind, why: why?.text ?? '' }));
  joined.on('joined', ({ player, room, tickHz }) => tell('joined', { player, room, tickHz }));
  joined.on('snapshot', () => tell('snapshot'));
  return joined;
}
