// The examples of docs/protocol.md, as its introduction says that a machine may read them.
//
// Data flow: docs/protocol.md -> the lines about values, the bytes of each named example -> tests.
// It knows no value: what the bytes mean comes from the Rust side, see golden.test.mjs.

import { readFileSync } from 'node:fs';

const lines = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8').split('\n');

/** The bytes of every `hex name=NAME` block, by name. */
export const examples = new Map();
/** The lines of all `values` blocks, without comments. */
export const values = [];

/** The numbers of the tables whose first cell is a `CONSTANT`. */
export const constants = new Map();

/** Pairs of hexadecimal digits with spaces between them, as bytes. */
export function bytesOf(hex) {
  return Uint8Array.from(hex.trim().split(/\s+/).filter(Boolean), (pair) => parseInt(pair, 16));
}

/** The message in a named frame: the bytes without the length in front. */
export function message(name) {
  return examples.get(name).subarray(4);
}

let block = null;
for (const line of lines) {
  const text = line.split('#')[0].trim();
  if (line.startsWith('```') && block === null) block = { info: line.slice(3), text: [] };
  else if (line.startsWith('```')) {
    const { info, text: inner } = block;
    const name = info.match(/^hex name=(.+)$/)?.[1];
    if (name) examples.set(name, bytesOf(inner.join(' ')));
    if (info === 'values') values.push(...inner.filter((one) => one !== ''));
    block = null;
  } else if (block !== null) block.text.push(text);
  else {
    const [, constant, number] = line.match(/^\| `([A-Z_]+)` \| ([\d,]+) \|/) ?? [];
    if (constant) constants.set(constant, Number(number.replaceAll(',', '')));
  }
}
