// Makes elements. Text goes in as text, never as HTML: what is shown comes from outside.

export function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

/** A line of prose in which `code` stands between backticks, as in the description of the HTTP interface. */
export function prose(tag, className, text) {
  const node = element(tag, className);
  for (const [i, part] of text.split('`').entries()) node.append(i % 2 ? element('code', '', part) : part);
  return node;
}
