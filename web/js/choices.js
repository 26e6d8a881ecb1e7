// Whom to talk to, in which voice, and with which key. The key stays in this tab (sessionStorage) and nowhere else.
import { element } from './dom.js';
import { listClones, listVoices } from './server_api.js';
import { isUsableKey } from './protocol.js';

const KEY_ITEM = 'repartee.api_key';

function option(value, label) {
  const node = element('option', '', label);
  node.value = value;
  return node;
}

export class Choices {
  constructor({ clone, voice, key, keyProblem }, onVoice) {
    Object.assign(this, { clone, voice, key, keyProblem });
    this.clones = [];
    this.key.value = sessionStorage.getItem(KEY_ITEM) ?? '';
    this.key.addEventListener('change', () => this.keyChanged());
    this.voice.addEventListener('change', () => onVoice(this.voice.value));
  }

  keyChanged() {
    const value = this.key.value.trim();
    const usable = value === '' || isUsableKey(value);
    this.keyProblem.hidden = usable;
    if (!usable) return;
    if (value) sessionStorage.setItem(KEY_ITEM, value);
    else sessionStorage.removeItem(KEY_ITEM);
    this.load();
  }

  /** Fills the lists. Without an answer the default clone and its own voice remain, which always work. */
  async load() {
    const { apiKey } = this.current();
    const [clones, voices] = await Promise.all([listClones(apiKey).catch(() => []), listVoices(apiKey).catch(() => [])]);
    this.clones = clones;
    if (clones.length) this.fill(this.clone, clones.map(({ id, name }) => option(id, name)));
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

  fill(select, nodes) {
    const before = select.value;
    select.replaceChildren(...nodes);
    select.value = before;
    if (select.selectedIndex < 0) select.selectedIndex = 0;
  }

  current() {
    const key = this.key.value.trim();
    return { clone: this.clone.value || 'default', voice: this.voice.value, apiKey: isUsableKey(key) ? key : '' };
  }

  cloneName() {
    return this.clone.selectedOptions[0]?.textContent || 'Repartee';
  }
}

function groupByProvider(voices) {
  const groups = new Map();
  for (const voice of voices) groups.set(voice.provider, [...(groups.get(voice.provider) ?? []), voice]);
  return groups;
}
