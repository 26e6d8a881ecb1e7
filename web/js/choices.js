// Whom to talk to, in which voice, and with which key. The key stays in this tab (sessionStorage) and nowhere else.
import { element } from './dom.js';
import { listAll } from './pages.js';
import { isUsableKey } from './protocol.js';

const KEY_ITEM = 'repartee.api_key';
const DEFAULT_CLONE = 'default'; // the server's name for the clone that is there from the start, as a choice and as a label
const DEFAULT_LABEL = 'Repartee';

function option(value, label) {
  const node = element('option', '', label);
  node.value = value;
  return node;
}

export class Choices {
  /** on: {voice(name), key()} */
  constructor({ clone, voice, key, keyProblem }, on) {
    Object.assign(this, { clone, voice, key, keyProblem, on });
    this.clones = [];
    this.voices = [];
    this.key.value = sessionStorage.getItem(KEY_ITEM) ?? '';
    this.key.addEventListener('change', () => this.keyChanged());
    this.voice.addEventListener('change', () => on.voice(this.voice.value));
  }

  keyChanged() {
    const value = this.key.value.trim();
    const usable = value === '' || isUsableKey(value);
    this.keyProblem.hidden = usable;
    if (!usable) return;
    if (value) sessionStorage.setItem(KEY_ITEM, value);
    else sessionStorage.removeItem(KEY_ITEM);
    this.on.key();
  }

  apiKey() {
    const key = this.key.value.trim();
    return isUsableKey(key) ? key : '';
  }

  /** Fills the lists as `account` sees them. Without an answer the default clone and its own voice remain, which always work. */
  async load(account) {
    const [clones, voices] = await Promise.all([
      listAll(account, '/api/v1/echo', 'echos').catch(() => []), account.call('GET', '/api/v1/voices').then((answer) => answer.voices, () => []),
    ]);
    this.clones = clones;
    this.voices = voices;
    if (clones.length) {
      const usual = Math.max(0, clones.findIndex(({ name }) => name === DEFAULT_CLONE));
      this.fill(this.clone, clones.map(({ id, name }) => option(id, cloneLabel(name))), usual);
    }
    const groups = groupByProvider(voices);
    const nodes = [option('', 'Its own')];
    for (const [provider, members] of groups) {
      const group = element('optgroup');
      group.label = provider;
      group.append(...members.map(({ id, description }) => option(`${provider}/${id}`, description || id)));
      nodes.push(group);
    }
    this.fill(this.voice, nodes);
  }

  /** Keeps what was chosen when it is still there, else takes the one at `usual`. */
  fill(select, nodes, usual = 0) {
    const before = select.value;
    select.replaceChildren(...nodes);
    select.value = before;
    if (select.selectedIndex < 0) select.selectedIndex = usual;
  }

  current() {
    return { clone: this.clone.value || DEFAULT_CLONE, voice: this.voice.value };
  }

  choose(cloneId) {
    this.clone.value = cloneId;
  }

  cloneName() {
    return this.clone.selectedOptions[0]?.textContent || DEFAULT_LABEL;
  }
}

export function cloneLabel(name) {
  return name === DEFAULT_CLONE ? DEFAULT_LABEL : name;
}

function groupByProvider(voices) {
  const groups = new Map();
  for (const voice of voices) groups.set(voice.provider, [...(groups.get(voice.provider) ?? []), voice]);
  return groups;
}
