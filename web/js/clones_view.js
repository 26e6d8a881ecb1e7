// The clones: a list, and the editor of one. A clone is a name, a persona, a greeting, a voice, and what it may know.
import { cloneLabel } from './choices.js';
import { element } from './dom.js';
import { button, field, heading, link, onSubmit } from './forms.js';
import { listAll } from './pages.js';
import { View } from './view.js';

const SCOPES = [['all', 'Everything I have uploaded'], ['own', "Only this clone's documents"], ['none', 'Nothing but its persona']];

export class ClonesView extends View {
  constructor(root, account, voices, on) {
    super(root, 'Clones', account, on);
    this.voices = voices;
  }

  open(detail) {
    return this.fill(() => (detail === 'new' ? this.editor(null) : detail ? this.existing(detail) : this.list()));
  }

  async list() {
    const clones = await listAll(this.account, '/api/v1/echo', 'echos');
    const top = heading('Clones', link('New clone', '#clones/new', 'action'));
    const lead = element('p', 'lead', 'Somebody to talk with: a persona, a voice, and the documents it answers from.');
    const list = element('ul', 'rows');
    list.append(...clones.map((clone) => this.row(clone)));
    return [top, lead, list];
  }

  row(clone) {
    const row = element('li', 'item');
    const words = element('div', 'words');
    words.append(element('h3', '', cloneLabel(clone.name)));
    if (clone.greeting) words.append(element('p', 'quote', clone.greeting));
    words.append(element('p', 'facts', [voiceLabel(clone), clone.visibility === 'public' ? 'public' : 'private'].filter(Boolean).join(' · ')));
    const actions = element('div', 'actions');
    actions.append(button('Talk', () => this.on.talkTo(clone.id), 'action'));
    if (clone.is_own) actions.append(link('Edit', `#clones/${clone.id}`, 'plain'));
    row.append(words, actions);
    return row;
  }

  async existing(id) {
    return this.editor((await this.account.call('GET', `/api/v1/echo/${encodeURIComponent(id)}`)).echo);
  }

  async editor(clone) {
    const voices = this.voices();
    const form = element('form', 'sheet');
    const voice = clone?.voice?.id ? `${clone.voice.provider}/${clone.voice.id}` : '';
    form.append(
      field('Name', { name: 'name', value: clone?.name, required: true, maxlength: 100, autocomplete: 'off' }).row,
      field('Persona', {
        kind: 'textarea', name: 'persona_prompt', value: clone?.persona_prompt, rows: 7, maxlength: 20000,
        note: 'Who this is, what they know, how they talk. Written to the clone: “You are …”.',
      }).row,
      field('Greeting', { name: 'greeting', value: clone?.greeting, maxlength: 1000, note: 'What it says first when you begin to talk.' }).row,
      field('Voice', { kind: 'select', name: 'voice', value: voice, options: [['', "The server's own choice"], ...voices.map((v) => [`${v.provider}/${v.id}`, `${v.description || v.id} (${v.provider})`])] }).row,
      field('Answers from', { kind: 'select', name: 'knowledge_scope', value: clone?.knowledge_scope ?? 'all', options: SCOPES }).row,
      field('Everybody on this server may talk with it', { kind: 'checkbox', name: 'public', value: clone?.visibility === 'public' }).row,
    );
    const buttons = element('div', 'buttons');
    const save = element('button', 'action', clone ? 'Save' : 'Make this clone');
    buttons.append(save, link('Cancel', '#clones', 'plain'));
    if (clone) buttons.append(button('Delete', () => this.remove(clone), 'plain danger'));
    form.append(buttons);
    onSubmit(form, async (data) => {
      const [ttsProvider, ...voiceId] = data.get('voice').split('/');
      const body = {
        name: data.get('name').trim(), persona_prompt: data.get('persona_prompt'), greeting: data.get('greeting'),
        tts_provider: ttsProvider, voice_id: voiceId.join('/'),
        knowledge_scope: data.get('knowledge_scope'), visibility: data.get('public') ? 'public' : 'private',
      };
      await this.account.call(clone ? 'PATCH' : 'POST', clone ? `/api/v1/echo/${clone.id}` : '/api/v1/echo', body);
      this.on.changed();
      location.hash = '#clones';
    });
    return [heading(clone ? cloneLabel(clone.name) : 'A new clone'), form];
  }

  remove(clone) {
    return this.removeWithUndo(`/api/v1/echo/${clone.id}`, clone.name, () => {
      this.on.changed();
      if (location.hash === '#clones') this.open('');
      else location.hash = '#clones';
    });
  }
}

const voiceLabel = ({ voice }) => (voice?.id ? `${voice.id} (${voice.provider})` : '');
