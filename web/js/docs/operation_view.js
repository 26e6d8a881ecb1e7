// One operation: what it takes and answers, and a form to try it. What is inside is made when it is opened.
import { element, prose } from '../dom.js';
import { describe, lines } from './openapi.js';
import { tryForm } from './try_form.js';

function table(label, rows) {
  const node = element('table');
  node.append(element('caption', 'unseen', label));
  for (const cells of rows) {
    const row = element('tr');
    row.append(...cells.map((text) => element('td', '', text)));
    node.append(row);
  }
  return node;
}

function parametersView(operation, doc) {
  if (operation.parameters.length === 0) return [];
  const rows = operation.parameters.map((parameter) => [
    parameter.name + (parameter.required ? ' *' : ''),
    `${parameter.in}: ${describe(parameter.schema ?? {}, doc)}`,
    parameter.description ?? '',
  ]);
  return [element('h3', '', 'Parameters'), table('Parameters', rows)];
}

function contentView(title, content, doc) {
  const nodes = [];
  for (const [type, media] of Object.entries(content ?? {})) {
    nodes.push(element('h3', '', `${title} ${type}`));
    const rows = media.schema ? lines(media.schema, doc) : [];
    if (rows.length > 0) nodes.push(table(title, rows.map(({ depth, name, type: kind, required, description }) => [`${'\u2003'.repeat(depth)}${name}${required ? ' *' : ''}`, kind, description])));
  }
  return nodes;
}

export function operationView(operation, doc, key) {
  const view = element('details', 'operation');
  view.id = operation.id;
  const method = element('span', 'method', operation.method);
  method.dataset.method = operation.method;
  const summary = element('summary');
  summary.append(method, element('span', 'path', operation.path), prose('span', 'soft', operation.summary));
  view.append(summary);
  view.addEventListener('toggle', () => {
    if (!view.open || view.children.length > 1) return;
    const inside = element('div', 'inside');
    inside.append(...parametersView(operation, doc), ...contentView('Body', operation.body?.content, doc));
    for (const [status, answer] of operation.responses) {
      inside.append(element('h3', '', `${status === 'default' ? 'Otherwise' : status}: ${answer.description ?? ''}`));
      if (status !== 'default') inside.append(...contentView('Answer', answer.content, doc).slice(1));
    }
    inside.append(tryForm(operation, doc, key));
    view.append(inside);
  });
  return view;
}
