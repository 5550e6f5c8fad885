// Small helpers for elements. Everything that a server says becomes text, never HTML.
//
// Data flow: values -> here -> elements of index.html. An element changes only if its text does, so
// that selections stay and screen readers are left in peace.

/** The element of index.html with this id. */
export const element = (id) => document.getElementById(id);

/** Gives an element, or the one with this id, a text. */
export function write(target, text) {
  const one = typeof target === 'string' ? element(target) : target;
  if (one.textContent !== text) one.textContent = text;
}

/** A new element of a class, with children: elements or texts. */
export function make(tag, className = '', ...children) {
  const made = document.createElement(tag);
  if (className !== '') made.className = className;
  made.append(...children);
  return made;
}

/** A link to a paragraph of the page about teardown. */
export function paragraphLink(paragraph, text) {
  const link = make('a', 'paragraph', text);
  link.href = `/docs/teardown#${encodeURIComponent(paragraph)}`;
  return link;
}

/**
 * Makes the rows of a table's body say `rows`: arrays of texts or of elements. What says the same
 * already is left alone; `note`, if given, is called with each row element and its index.
 */
export function fillTable(table, rows, note = () => {}) {
  const [body] = table.tBodies;
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((cells, index) => {
    const row = body.rows[index] ?? body.insertRow();
    cells.forEach((content, at) => {
      const cell = row.cells[at] ?? row.insertCell();
      if (typeof content === 'string') return write(cell, content);
      if (cell.textContent !== content.textContent) cell.replaceChildren(content);
    });
    note(row, index);
  });
}
