// A document that can do just as much as the lab page needs, so that the whole page runs without a
// browser.
//
// Data flow: tests -> `openLab` -> the elements, the worker, the timers and the server that lab.js
// finds -> what it made of them. Nothing is laid out, no style holds, and no time passes by itself:
// the page asks again when a test answers.

import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';

/** Longer waits are not for the next request, in ms. */
const ASK_MAX_MS = 2000;
const noop = () => {};

/** An element: a tree with texts, and properties that nobody reads. */
class FakeElement {
  children = [];
  attributes = new Map();
  dataset = {};
  classList = { toggle: noop };
  hidden = false;
  clientWidth = 400;
  title = '';
  #text = '';
  #found = new Map();
  #listeners = new Map();
  #tBody = null;

  get textContent() {
    return this.#text + this.children.map(({ textContent }) => textContent).join('');
  }

  set textContent(text) {
    this.children = [];
    this.#text = text;
  }

  get tBodies() {
    this.#tBody ??= new FakeElement();
    return [this.#tBody];
  }

  get rows() {
    return this.children;
  }

  get cells() {
    return this.children;
  }

  append(...children) {
    this.children.push(...children.map((child) => {
      if (typeof child !== 'string') return child;
      return Object.assign(new FakeElement(), { textContent: child });
    }));
  }

  replaceChildren(...children) {
    this.textContent = '';
    this.append(...children);
  }

  insertBefore(child, next) {
    this.children = this.children.filter((one) => one !== child);
    const at = this.children.indexOf(next);
    this.children.splice(at === -1 ? this.children.length : at, 0, child);
  }

  insertRow() {
    return this.insertCell();
  }

  insertCell() {
    const made = new FakeElement();
    this.children.push(made);
    return made;
  }

  deleteRow(at) {
    this.children.splice(at, 1);
  }

  createTHead() {
    return new FakeElement();
  }

  createTBody() {
    return this.tBodies[0];
  }

  // By a selector, always the same one.
  querySelector(selector) {
    if (!this.#found.has(selector)) this.#found.set(selector, new FakeElement());
    return this.#found.get(selector);
  }

  setAttribute(name, value) {
    this.attributes.set(name, value);
  }

  removeAttribute(name) {
    this.attributes.delete(name);
  }

  addEventListener(kind, listener) {
    this.#listeners.set(kind, listener);
  }

  click() {
    return this.#listeners.get('click')();
  }

  after() {}

  remove() {}
}

/** All elements below one, itself included. */
function within(element) {
  return [element, ...element.children.flatMap(within)];
}

let opened = 0;

/**
 * Loads the page anew. `hear` answers its next request, `pass` lets milliseconds pass, `draw` draws
 * the chart. `element` gives an element, `button` the one of a cause, `requests` what is asked and
 * not answered, `joined` where the witness was told to play, `errors` what the console was told.
 */
export async function openLab(hostname = '127.0.0.1') {
  const elements = new Map();
  const element = (id) => {
    if (!elements.has(id)) elements.set(id, new FakeElement());
    return elements.get(id);
  };
  const [requests, joined, errors] = [[], [], []];
  let timers = [];
  let [nowMs, draw] = [0, noop];
  const document = new FakeElement();
  document.getElementById = element;
  document.createElement = () => new FakeElement();
  document.createElementNS = () => new FakeElement();
  Object.assign(globalThis, {
    document, location: { hostname }, matchMedia: () => ({ matches: false }),
    performance: { timeOrigin: 0, now: () => nowMs },
    setInterval: (callback) => {
      draw = callback;
    },
    setTimeout: (callback, ms) => timers.push({ callback, ms }),
    fetch: (url, how) => new Promise((resolve, reject) => {
      requests.push({ url, how, resolve, reject });
    }),
    FormData: class {
      get(name) {
        return name === 'bots' ? '1' : 'tcp';
      }
    },
    Worker: class {
      addEventListener() {}

      postMessage({ address }) {
        joined.push(address);
      }
    },
  });
  document.hidden = false;
  console.error = (error) => errors.push(error);
  opened += 1;
  await import(`../../server/web/lab/lab.js?${opened}`);
  const hear = async (told) => {
    const due = timers.filter(({ ms }) => ms <= ASK_MAX_MS);
    timers = timers.filter(({ ms }) => ms > ASK_MAX_MS);
    for (const { callback } of due) callback();
    await turn();
    const at = requests.findIndex(({ url }) => url.startsWith('/api/lab'));
    assert.notEqual(at, -1, 'the server is asked');
    const [{ resolve }] = requests.splice(at, 1);
    resolve({ ok: true, json: async () => told });
    await turn();
  };
  const button = (cause) => within(element('causes'))
    .find(({ dataset }) => dataset.cause === cause);
  const pass = (ms) => {
    nowMs += ms;
  };
  return { element, button, requests, joined, errors, hear, pass, draw };
}
