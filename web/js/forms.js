// Labelled fields, buttons and rows of forms, as elements; and what to do while a form is on its way.
import { element } from './dom.js';

let fieldCount = 0;

/**
 * A label with its control and, where there is one, a remark below. kind: text, email, password, textarea, select, checkbox.
 * options: [[value, label]] of a select. Answers {row, control}.
 */
export function field(label, { kind = 'text', name, value = '', note, options, ...attributes } = {}) {
  const id = `field-${++fieldCount}`;
  const row = element('div', `field of-${kind}`);
  const control = element(kind === 'textarea' || kind === 'select' ? kind : 'input');
  if (control.tagName === 'INPUT') control.type = kind;
  Object.assign(control, { id, name: name ?? '' });
  for (const [key, given] of Object.entries(attributes)) if (given !== undefined && given !== false) control.setAttribute(key.toLowerCase(), given === true ? '' : given);
  for (const [optionValue, optionLabel] of options ?? []) {
    const option = element('option', '', optionLabel);
    option.value = optionValue;
    control.append(option);
  }
  if (kind === 'checkbox') control.checked = Boolean(value);
  else control.value = value;
  const caption = element('label', '', label);
  caption.htmlFor = id;
  row.append(...(kind === 'checkbox' ? [control, caption] : [caption, control]));
  if (note) {
    const remark = element('p', 'note', note);
    remark.id = `${id}-note`;
    control.setAttribute('aria-describedby', remark.id);
    row.append(remark);
  }
  return { row, control };
}

export function button(label, onClick, className = 'plain') {
  const node = element('button', className, label);
  node.type = 'button';
  node.addEventListener('click', onClick);
  return node;
}

export function link(label, href, className = '') {
  const node = element('a', className, label);
  node.href = href;
  return node;
}

/** The head of a view: its name, which can take the focus when the view opens, and what can be done there. */
export function heading(text, ...actions) {
  const head = element('div', 'view-head');
  const title = element('h2', '', text);
  title.tabIndex = -1;
  head.append(title, ...actions);
  return head;
}

/** Runs `work` when the form is sent: its buttons rest meanwhile, and what goes wrong is said at its foot. */
export function onSubmit(form, work) {
  const problem = element('p', 'problem');
  problem.setAttribute('role', 'alert');
  problem.hidden = true;
  form.append(problem);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const buttons = [...form.querySelectorAll('button')];
    buttons.forEach((node) => (node.disabled = true));
    problem.hidden = true;
    try {
      await work(new FormData(form));
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
      form.querySelector(`[name="${CSS.escape((error.param ?? '').replace(/^\//, ''))}"]`)?.focus();
    } finally {
      buttons.forEach((node) => (node.disabled = false));
    }
  });
}

/** "3 Nov 2026, 14:05" as the reader's own country writes it. */
export function dateTime(text) {
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? '' : at.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
}

export function byteSize(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 999_500 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

export function counted(count, one, many = `${one}s`) {
  return `${count} ${count === 1 ? one : many}`;
}
