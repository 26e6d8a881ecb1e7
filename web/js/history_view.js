// Conversations that were had: the list with its latencies, and one of them word for word, each turn with where its time went.
import { cloneLabel } from './choices.js';
import { element } from './dom.js';
import { button, counted, dateTime, heading, link } from './forms.js';
import { saveAs } from './http.js';
import { listAll, listPage } from './pages.js';
import { breakdown, formatMs, sharedScale } from './waterfall.js';
import { drawWaterfall } from './waterfall_view.js';
import { View } from './view.js';

const PAGE_ITEMS = 30;
const STAGE_WORDS = { endpointing: 'Endpointing', asr: 'Recognition', rag: 'Retrieval', llm: 'Model', tts: 'Speech', total: 'Voice to voice' };

export class HistoryView extends View {
  constructor(root, account, on) {
    super(root, 'History', account, on);
  }

  open(detail) {
    return this.fill(() => (detail ? this.conversation(detail) : this.list()));
  }

  async list() {
    const [page, latency, clones] = await Promise.all([
      listPage(this.account, '/api/v1/sessions', 'sessions', { limit: PAGE_ITEMS }),
      this.account.call('GET', '/api/v1/metrics/latency?per=all').catch(() => null),
      listAll(this.account, '/api/v1/echo', 'echos').catch(() => []),
    ]);
    this.names = new Map(clones.map(({ id, name }) => [id, cloneLabel(name)]));
    if (!page.items.length) return [heading('History'), element('p', 'lead', 'No conversations yet. What is said will be kept here, with where its time went.')];
    const list = element('ul', 'rows');
    list.append(...page.items.map((session) => this.row(session)));
    const content = [heading('History')];
    const table = drawLatency(latency);
    if (table) content.push(table);
    content.push(list);
    if (page.cursor) content.push(this.more(list, page.cursor));
    return content;
  }

  more(list, cursor) {
    let next = cursor;
    const node = button('Earlier ones', () => this.attempt(async () => {
      const page = await listPage(this.account, '/api/v1/sessions', 'sessions', { limit: PAGE_ITEMS, cursor: next });
      list.append(...page.items.map((session) => this.row(session)));
      next = page.cursor;
      node.hidden = !next;
    }));
    return node;
  }

  nameOf({ echo_id: id, echo_name: name }) {
    return name ? cloneLabel(name) : this.names?.get(id) ?? 'a clone';
  }

  row(session) {
    const row = element('li', 'item');
    const words = element('div', 'words');
    const title = element('h3');
    title.append(link(dateTime(session.started_at), `#history/${session.id}`));
    const facts = [`with ${this.nameOf(session)}`, counted(session.total_turns, 'turn')];
    if (session.interrupted_turns) facts.push(`${session.interrupted_turns} interrupted`);
    if (Number.isFinite(session.average_latency_ms)) facts.push(`${formatMs(session.average_latency_ms)} on average`);
    if (Number(session.total_cost) > 0) facts.push(`$${Number(session.total_cost).toFixed(4)}`);
    if (!session.ended_at) facts.push('going on');
    words.append(title, element('p', 'facts', facts.join(' · ')));
    row.append(words);
    return row;
  }

  async conversation(id) {
    const path = `/api/v1/sessions/${encodeURIComponent(id)}`;
    const [{ session }, turns] = await Promise.all([this.account.call('GET', path), listAll(this.account, `${path}/turns`, 'turns')]);
    if (!this.names) this.names = new Map((await listAll(this.account, '/api/v1/echo', 'echos').catch(() => [])).map((clone) => [clone.id, cloneLabel(clone.name)]));
    const name = this.nameOf(session);
    const save = button('Save as CSV', () => this.attempt(async () => saveAs(await this.account.download(`${path}/turns.csv`), `conversation-${id}.csv`)));
    const remove = button('Delete', async () => {
      if (await this.attempt(() => this.account.call('DELETE', path))) location.hash = '#history';
    }, 'plain danger');
    const facts = element('p', 'facts', [`with ${name}`, counted(turns.length, 'turn'), session.end_reason].filter(Boolean).join(' · '));
    const measured = turns.map((turn) => ({ turn, parts: breakdown(turn) }));
    const scale = sharedScale(measured.map(({ parts }) => parts).filter(Boolean));
    const list = element('ol', 'captions');
    for (const { turn, parts } of measured) list.append(...drawTurn(turn, name, parts ? drawWaterfall(parts, scale) : null));
    return [heading(dateTime(session.started_at), save, remove), facts, list, link('All conversations', '#history')];
  }
}

function drawTurn(turn, name, figure) {
  const entries = [];
  if (turn.user_transcript) entries.push(drawEntry('user', 'You', turn.user_transcript));
  const reply = drawEntry('clone', name, turn.heard_response || '');
  const text = reply.querySelector('.text');
  const unheard = (turn.llm_response ?? '').startsWith(turn.heard_response ?? '') ? turn.llm_response.slice((turn.heard_response ?? '').length) : '';
  if (unheard.trim()) text.append(' ', element('span', 'word unheard', unheard.trim()));
  const notes = element('p', 'notes');
  if (turn.status !== 'completed') notes.append(element('span', 'tag', turn.status));
  const sources = [...new Set((turn.sources ?? []).map(({ filename }) => filename))];
  if (sources.length) notes.append(element('span', 'sources', `From ${sources.join(', ')}`));
  const body = reply.querySelector('.body');
  if (notes.childElementCount) body.append(notes);
  if (figure) body.append(figure);
  return [...entries, reply];
}

function drawEntry(side, who, text) {
  const root = element('li', `entry ${side}`);
  const body = element('div', 'body');
  body.append(element('p', 'text', text));
  root.append(element('p', 'who', who), body);
  return root;
}

/** Percentiles by stage over all conversations: a table, slowest share last. */
function drawLatency(answer) {
  const rows = answer?.latencies ?? [];
  if (!rows.length) return null;
  const table = element('table', 'figures');
  table.append(element('caption', '', 'Where the time goes, over all of them'));
  const head = element('tr');
  head.append(...['Stage', 'Half within', '95 in 100 within', 'Turns'].map((title) => element('th', '', title)));
  const body = element('tbody');
  for (const { stage, provider, p50_ms: half, p95_ms: most, turns } of rows) {
    const row = element('tr');
    const name = element('th', '', [STAGE_WORDS[stage] ?? stage, provider].filter(Boolean).join(' · '));
    name.scope = 'row';
    row.append(name, element('td', '', formatMs(half)), element('td', '', formatMs(most)), element('td', '', String(turns)));
    body.append(row);
  }
  const top = element('thead');
  top.append(head);
  table.append(top, body);
  return table;
}
