// The documents that clones answer from: upload with progress, the list, and a search over what is in them.
import { cloneLabel } from './choices.js';
import { element } from './dom.js';
import { button, byteSize, counted, dateTime, field, heading, onSubmit } from './forms.js';
import { listAll } from './pages.js';
import { View } from './view.js';

const ENDINGS = '.txt,.md,.html,.htm,.pdf,.docx';
const POLL_MS = 700;
const STAGES = { uploading: 'Sending', waiting: 'Waiting', extracting: 'Reading', chunking: 'Cutting into passages', embedding: 'Making it searchable', done: 'Done' };

export class KnowledgeView extends View {
  constructor(root, account, on) {
    super(root, 'Knowledge', account, on);
    this.rows = new Map(); // by document id
  }

  open() {
    return this.fill(() => this.draw());
  }

  async draw() {
    clearTimeout(this.timer);
    this.rows.clear();
    const [documents, clones] = await Promise.all([
      listAll(this.account, '/api/v1/knowledge', 'documents'), listAll(this.account, '/api/v1/echo', 'echos').catch(() => []),
    ]);
    this.clones = clones.filter(({ is_own: own }) => own);
    this.list = element('ul', 'rows');
    this.list.append(...documents.map((document) => this.row(document)));
    this.none = element('p', 'lead', 'Nothing yet. What you upload, your clones can answer from.');
    this.showEmptiness();
    this.watch();
    return [heading('Knowledge'), this.uploadBox(), this.searchBox(), this.none, this.list];
  }

  showEmptiness() {
    this.none.hidden = this.list.childElementCount > 0;
  }

  uploadBox() {
    const box = element('form', 'drop');
    const { row, control: file } = field('Add documents', { kind: 'file', name: 'file', multiple: true, accept: ENDINGS, note: 'Text, Markdown, HTML, PDF or Word. Drop them here, or choose them.' });
    const { row: forWhom, control: clone } = field('For', { kind: 'select', options: [['', 'all my clones'], ...this.clones.map(({ id, name }) => [id, cloneLabel(name)])] });
    box.append(row, forWhom);
    const take = async (files) => {
      for (const one of files) await this.send(one, clone.value); // one after the other: a slow line is not shared
      file.value = '';
    };
    file.addEventListener('change', () => take([...file.files]));
    box.addEventListener('submit', (event) => event.preventDefault());
    box.addEventListener('dragover', (event) => {
      event.preventDefault();
      box.classList.add('over');
    });
    box.addEventListener('dragleave', () => box.classList.remove('over'));
    box.addEventListener('drop', (event) => {
      event.preventDefault();
      box.classList.remove('over');
      take([...event.dataTransfer.files]);
    });
    return box;
  }

  async send(file, cloneId) {
    const row = this.row({ id: null, filename: file.name, size_bytes: file.size, status: 'uploading', progress: { stage: 'uploading', done: 0 }, uploaded_at: new Date().toISOString() });
    this.list.prepend(row);
    this.showEmptiness();
    const form = new FormData();
    if (cloneId) form.append('echo_id', cloneId); // before the file, so that the server knows it first
    form.append('file', file, file.name);
    try {
      const { document } = await this.account.upload('/api/v1/knowledge', form, (share) => this.showProgress(row, 'uploading', share));
      this.rows.get(document.id)?.remove(); // the same file was there already
      row.replaceWith(this.row(document));
      this.watch();
    } catch (error) {
      this.showFailure(row, error.message);
    }
  }

  row(document) {
    const row = element('li', 'item');
    const words = element('div', 'words');
    words.append(element('h3', '', document.filename), element('p', 'facts'));
    const actions = element('div', 'actions');
    row.append(words, actions);
    if (document.id) {
      this.rows.set(document.id, row);
      actions.append(button('Delete', () => this.removeWithUndo(`/api/v1/knowledge/${document.id}`, document.filename, () => this.open()), 'plain danger'));
    }
    this.show(row, document);
    return row;
  }

  show(row, document) {
    row.dataset.status = document.status;
    const clone = this.clones?.find(({ id }) => id === document.echo_id);
    const facts = [byteSize(document.size_bytes)];
    if (document.status === 'completed') facts.push(counted(document.chunk_count, 'passage'));
    facts.push(document.echo_id ? `for ${clone ? cloneLabel(clone.name) : 'one clone'}` : 'for all clones', dateTime(document.uploaded_at));
    row.querySelector('.facts').textContent = facts.filter(Boolean).join(' · ');
    row.querySelector('.progress')?.remove();
    row.querySelector('.problem')?.remove();
    if (document.status === 'failed') this.showFailure(row, document.error);
    else if (document.status !== 'completed') this.showProgress(row, document.progress.stage, document.progress.done);
  }

  showProgress(row, stage, share) {
    let box = row.querySelector('.progress');
    if (!box) {
      box = element('div', 'progress');
      const bar = element('progress');
      bar.max = 1;
      box.append(bar, element('span', 'stage'));
      row.querySelector('.words').append(box);
    }
    box.querySelector('progress').value = share;
    box.querySelector('progress').setAttribute('aria-label', STAGES[stage] ?? stage);
    box.querySelector('.stage').textContent = STAGES[stage] ?? stage;
  }

  showFailure(row, message) {
    row.dataset.status = 'failed';
    row.querySelector('.progress')?.remove();
    const problem = element('p', 'problem', message || 'It could not be read.');
    problem.setAttribute('role', 'alert');
    row.querySelector('.words').append(problem);
  }

  /** Asks after what is being worked on, while the view is open. */
  watch() {
    clearTimeout(this.timer);
    const busy = [...this.rows].filter(([, row]) => !['completed', 'failed'].includes(row.dataset.status));
    if (!busy.length) return;
    this.timer = setTimeout(async () => {
      if (this.root.hidden) return;
      await Promise.all(busy.map(async ([id, row]) => {
        const answer = await this.account.call('GET', `/api/v1/knowledge/${id}`).catch(() => null);
        if (answer) this.show(row, answer.document);
      }));
      this.watch();
    }, POLL_MS);
  }

  searchBox() {
    const box = element('section', 'search');
    box.setAttribute('aria-label', 'Search');
    const form = element('form');
    const { row, control } = field('Search what your clones know', { kind: 'search', name: 'query', maxlength: 1000, autocomplete: 'off', placeholder: 'Ask as you would ask a clone' });
    const go = element('button', 'action', 'Search');
    form.append(row, go);
    const results = element('ol', 'passages');
    results.setAttribute('aria-live', 'polite');
    onSubmit(form, async () => {
      const query = control.value.trim();
      if (!query) return results.replaceChildren();
      const { passages } = await this.account.call('POST', '/api/v1/knowledge/search', { query, limit: 5 });
      results.replaceChildren(...(passages.length ? passages.map(drawPassage) : [element('li', 'none', 'Nothing in your documents fits that.')]));
      return undefined;
    });
    box.append(form, results);
    return box;
  }
}

function drawPassage({ filename, text, score }) {
  const item = element('li', 'passage');
  const source = element('p', 'facts', Number.isFinite(score) ? `${filename} · ${score.toFixed(2)}` : filename);
  item.append(element('p', 'quote', text), source);
  return item;
}
