// The form that sends an operation's request with the entered values and key, and shows status, headers and body.
import { element } from '../dom.js';
import { bodyExample, deref, requestTarget } from './openapi.js';

const SHOWN_CHARS_MAX = 100_000;
const TIMEOUT_MS = 120_000;
let inputs = 0;

function labelled(form, text, input) {
  input.id = `try-${++inputs}`;
  const label = element('label', '', text);
  label.htmlFor = input.id;
  form.append(label, input);
  return input;
}

function inputFor(parameter, doc) {
  const schema = deref(parameter.schema ?? {}, doc);
  const choices = schema.enum ?? (schema.type === 'boolean' ? ['true', 'false'] : null);
  if (!choices) {
    const input = element('input');
    input.type = 'text';
    input.autocomplete = 'off';
    input.spellcheck = false;
    if (parameter.required) input.value = parameter.example ?? '';
    return input;
  }
  const select = element('select');
  for (const choice of parameter.required ? choices : ['', ...choices]) select.append(new Option(choice));
  return select;
}

async function show(answer, response, tookMs) {
  const type = response.headers.get('content-type') ?? '';
  const headers = [...response.headers].map(([name, value]) => `${name}: ${value}`).join('\n');
  const heading = element('p', 'status', `${response.status} ${response.statusText} in ${tookMs} ms`);
  answer.classList.toggle('failed', !response.ok);
  if (type.startsWith('audio/')) {
    const player = element('audio');
    player.controls = true;
    player.src = URL.createObjectURL(await response.blob());
    answer.replaceChildren(heading, element('pre', '', headers), player);
    return;
  }
  let text = await response.text();
  if (type.startsWith('application/json')) {
    try {
      text = JSON.stringify(JSON.parse(text), null, 2);
    } catch { /* shown as it came */ }
  }
  answer.replaceChildren(heading, element('pre', '', headers), element('pre', '', text.slice(0, SHOWN_CHARS_MAX)));
}

/** A file field for each binary part of a form, text fields for the rest. */
function multipartInputs(form, media, doc) {
  const properties = Object.entries(deref(media.schema ?? {}, doc).properties ?? { file: { format: 'binary' } });
  return properties.map(([name, property]) => {
    const input = element('input');
    input.type = deref(property, doc).format === 'binary' ? 'file' : 'text';
    return [name, labelled(form, name, input)];
  });
}

function multipartBody(fields) {
  const data = new FormData();
  for (const [name, input] of fields) {
    if (input.type === 'file' && input.files[0]) data.set(name, input.files[0]);
    else if (input.type !== 'file' && input.value !== '') data.set(name, input.value);
  }
  return data;
}

export function tryForm(operation, doc, key) {
  const form = element('form', 'try');
  form.append(element('h3', 'wide', 'Try it'));
  const values = operation.parameters
    .filter((parameter) => parameter.in !== 'header')
    .map((parameter) => [parameter.name, labelled(form, parameter.name, inputFor(parameter, doc))]);
  const example = bodyExample(operation, doc);
  const body = example ? labelled(form, 'JSON body', element('textarea')) : null;
  if (body) body.value = example;
  const multipart = operation.body?.content?.['multipart/form-data'];
  const fields = multipart && !body ? multipartInputs(form, multipart, doc) : null;
  const send = element('button', '', 'Send');
  form.append(send);
  const answer = element('div', 'answer wide');
  answer.setAttribute('role', 'status');
  form.append(answer);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    send.disabled = true;
    const headers = key() ? { Authorization: `Bearer ${key()}` } : {};
    if (body) headers['Content-Type'] = 'application/json';
    const target = requestTarget(operation, Object.fromEntries(values.map(([name, input]) => [name, input.value.trim()])));
    const started = performance.now();
    try {
      const response = await fetch(target, { method: operation.method, headers, body: body ? body.value : fields ? multipartBody(fields) : undefined, signal: AbortSignal.timeout(TIMEOUT_MS) });
      await show(answer, response, Math.round(performance.now() - started));
    } catch (error) {
      answer.classList.add('failed');
      answer.replaceChildren(element('p', 'status', `Nothing was answered: ${error.message}`));
    } finally {
      send.disabled = false;
    }
  });
  return form;
}
