// Makes elements. Text goes in as text, never as HTML: what is shown comes from outside.

export function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}
