// The API page: reads the description the server has of itself, and sets it up to be read and tried.
import { element, prose } from '../dom.js';
import { operationsByTag } from './openapi.js';
import { operationView } from './operation_view.js';

const KEY_ITEM = 'repartee.api_key'; // as on the main page: a key entered there is there

function matches(operation, tag, words) {
  const text = `${operation.method} ${operation.path} ${operation.summary} ${tag}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

function setUpFilter(input, sections) {
  input.addEventListener('input', () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const { section, tag, views } of sections) {
      for (const { operation, view } of views) view.hidden = !matches(operation, tag, words);
      section.hidden = views.every(({ view }) => view.hidden);
    }
  });
}

/** Opens what the address names: /docs#createEcho. */
function openNamed() {
  const named = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!named) return;
  named.open = true;
  named.scrollIntoView();
}

async function main() {
  const main = document.getElementById('operations');
  const key = document.getElementById('key');
  key.value = sessionStorage.getItem(KEY_ITEM) ?? '';
  key.addEventListener('change', () => sessionStorage.setItem(KEY_ITEM, key.value.trim()));
  document.getElementById('key-form').addEventListener('submit', (event) => event.preventDefault());
  let doc;
  try {
    const response = await fetch('/api/v1/openapi.json');
    if (!response.ok) throw new Error(`status ${response.status}`);
    doc = await response.json();
  } catch (error) {
    main.replaceChildren(element('p', '', `The description cannot be read: ${error.message}`));
    return;
  }
  document.getElementById('about').replaceChildren(...prose('p', '', doc.info.description ?? '').childNodes);
  const sections = operationsByTag(doc).map(({ tag, description, operations }) => {
    const section = element('section');
    section.setAttribute('aria-label', tag);
    section.append(element('h2', '', tag), prose('p', 'soft', description));
    const views = operations.map((operation) => ({ operation, view: operationView(operation, doc, () => key.value.trim()) }));
    section.append(...views.map(({ view }) => view));
    return { section, tag, views };
  });
  main.replaceChildren(...sections.map(({ section }) => section));
  setUpFilter(document.getElementById('filter'), sections);
  openNamed();
  addEventListener('hashchange', openNamed);
}

main();
