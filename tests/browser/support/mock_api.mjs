// The HTTP API as far as the page uses it, with everything in memory: one person may sign in, and whoever does not sees the same things.
import { randomUUID } from 'node:crypto';

const VOICES = [
  { provider: 'kokoro', id: 'af_heart', description: 'Heart, American, warm' }, { provider: 'kokoro', id: 'bf_emma', description: 'Emma, British' },
  { provider: 'flite', id: 'slt', description: 'SLT, light and quick' },
];
const ACCESS_SECONDS = 900;

const turn = (index, said, generated, heard, status, latency) => ({
  turn_index: index, user_transcript: said, llm_response: generated, heard_response: heard, status,
  total_latency_ms: latency, endpointing_ms: 500, asr_latency_ms: 80, rag_latency_ms: 12, llm_latency_ms: 2, tts_latency_ms: latency - 594,
  timeline: { speech_end: 0, endpoint: 500, asr_start: 170, asr_end: 250, rag_start: 250, rag_end: 262, llm_start: 262, llm_first_token: 264, tts_start: 270, tts_first_audio: latency - 4, first_frame: latency },
  sources: index === 0 ? [{ filename: 'menu.pdf', ordinal: 2 }] : [], started_at: '2026-11-20T09:00:00Z',
});

export class MockApi {
  constructor() {
    this.requests = []; // {method, path, body}
    this.clones = [
      { id: 'a1', name: 'Ada', greeting: 'Good day.', persona_prompt: 'You are Ada.', voice: { provider: 'flite', id: 'slt' }, visibility: 'private', knowledge_scope: 'all', is_own: true },
      { id: 'd0', name: 'default', greeting: 'Hello', voice: { provider: 'kokoro', id: 'af_heart' }, visibility: 'public', knowledge_scope: 'all', is_own: false },
    ];
    this.documents = [this.document('opening hours.md', 1840, { status: 'completed', chunk_count: 4 }), this.document('broken.pdf', 90210, { status: 'failed', error: 'The file is not a PDF, whatever its name says.' })];
    this.deleted = new Map();
    this.users = new Map([['ada@example.org', { password: 'correct horse', user: { id: 'u1', email: 'ada@example.org', first_name: 'Ada', last_name: 'Lovelace', subscription_tier: 'free', is_verified: true, personality_traits: ['curious'] } }]]);
    this.keys = [];
    this.tokens = new Map(); // access or refresh token -> user
    this.sessions = [
      { id: 's1', echo_id: 'a1', state: 'idle', total_turns: 2, interrupted_turns: 1, average_latency_ms: 812, total_cost: '0.00000000', started_at: '2026-11-20T09:00:00Z', ended_at: '2026-11-20T09:05:00Z', end_reason: 'client closed' },
      { id: 's0', echo_id: 'd0', state: 'idle', total_turns: 1, interrupted_turns: 0, average_latency_ms: 540, total_cost: '0.00120000', started_at: '2026-11-19T20:00:00Z', ended_at: '2026-11-19T20:01:00Z', end_reason: 'client closed' },
    ];
    this.turns = [
      turn(0, 'When do you open?', 'According to menu, we open at nine.', 'According to menu, we open at nine.', 'completed', 807),
      turn(1, 'And on Sundays?', 'On Sundays we open at ten and close at four.', 'On Sundays we open', 'interrupted', 861),
    ];
  }

  document(filename, bytes, more = {}) {
    return { id: randomUUID(), echo_id: null, filename, content_type: 'text/plain', size_bytes: bytes, chunk_count: 0, status: 'pending', progress: { stage: 'waiting', done: 0 }, error: '', uploaded_at: '2026-11-20T08:30:00Z', ...more };
  }

  async answer(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    const { pathname: path, searchParams } = new URL(request.url, 'http://mock');
    // As the real one: what is not described is refused.
    if (path === '/api/v1/voices' && searchParams.size) return response.writeHead(400).end('{"error":{"message":"unknown parameter"}}');
    const isJson = request.headers['content-type']?.startsWith('application/json');
    const body = isJson ? JSON.parse(bytes) : bytes.toString('latin1');
    this.requests.push({ method: request.method, path, body, authorization: request.headers.authorization });
    for (const [method, pattern, work] of this.routes()) {
      const match = method === request.method && path.match(new RegExp(`^${pattern}$`));
      if (!match) continue;
      let status = 200;
      let answer;
      try {
        answer = work({ id: match[1], body, user: this.tokens.get(request.headers.authorization?.slice(7)) });
      } catch (error) {
        status = error.status ?? 500;
        answer = { error: { type: 'invalid_request_error', code: 'x', message: error.message, param: error.param ?? null } };
      }
      if (typeof answer === 'string') return response.writeHead(status, { 'Content-Type': 'text/csv' }).end(answer);
      return response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer));
    }
    return response.writeHead(404, { 'Content-Type': 'application/json' }).end(JSON.stringify({ error: { message: `no route ${path}` } }));
  }

  routes() {
    const id = '([^/]+)';
    const list = (plural, items) => ({ [plural]: items, count: items.length, next_cursor: null });
    return [
      ['GET', '/ready', () => ({ status: 'ready' })],
      ['GET', '/api/v1/voices', () => list('voices', VOICES)],
      ['GET', '/api/v1/echo', () => list('echos', this.clones)],
      ['POST', '/api/v1/echo', ({ body }) => ({ echo: this.add(this.clones, { id: randomUUID(), is_own: true, ...body, voice: { provider: body.tts_provider, id: body.voice_id } }) })],
      ['GET', `/api/v1/echo/${id}`, (call) => ({ echo: this.find(this.clones, call.id) })],
      ['PATCH', `/api/v1/echo/${id}`, (call) => ({ echo: Object.assign(this.find(this.clones, call.id), call.body) })],
      ['DELETE', `/api/v1/echo/${id}`, (call) => this.remove(this.clones, call.id)],
      ['POST', `/api/v1/echo/${id}/restore`, (call) => ({ echo: this.restore(this.clones, call.id) })],
      ['GET', '/api/v1/knowledge', () => list('documents', this.documents)],
      ['POST', '/api/v1/knowledge', ({ body }) => ({ document: this.add(this.documents, this.document(/filename="([^"]*)"/.exec(body)[1], body.length)) })],
      ['POST', '/api/v1/knowledge/search', ({ body }) => list('passages', body.query.includes('open') ? [{ document_id: 'x', filename: 'opening hours.md', ordinal: 0, text: 'We open at nine on weekdays.', score: 0.83 }] : [])],
      ['GET', `/api/v1/knowledge/${id}`, (call) => ({ document: this.progressed(this.find(this.documents, call.id)) })],
      ['DELETE', `/api/v1/knowledge/${id}`, (call) => this.remove(this.documents, call.id)],
      ['POST', `/api/v1/knowledge/${id}/restore`, (call) => ({ document: this.restore(this.documents, call.id) })],
      ['GET', '/api/v1/sessions', () => list('sessions', this.sessions)],
      ['GET', `/api/v1/sessions/${id}`, (call) => ({ session: this.find(this.sessions, call.id) })],
      ['DELETE', `/api/v1/sessions/${id}`, (call) => this.remove(this.sessions, call.id)],
      ['GET', `/api/v1/sessions/${id}/turns`, () => list('turns', this.turns)],
      ['GET', `/api/v1/sessions/${id}/turns.csv`, () => 'turn_index,user_transcript\r\n0,When do you open?\r\n'],
      ['GET', '/api/v1/metrics/latency', () => list('latencies', [['endpointing', 500, 512], ['asr', 84, 140], ['total', 807, 926]].map(([stage, half, most]) => ({ day: null, stage, provider: '', turns: 3, p50_ms: half, p95_ms: most })))],
      ['POST', '/api/v1/auth/register', ({ body }) => this.register(body)],
      ['POST', '/api/v1/auth/login', ({ body }) => this.login(body)],
      ['POST', '/api/v1/auth/refresh', ({ body }) => this.signedIn(this.tokens.get(body.refresh_token))],
      ['POST', '/api/v1/auth/logout', () => ({ success: true, message: 'signed out' })],
      ['POST', '/api/v1/auth/password-reset', () => ({ success: true, message: 'sent' })],
      ['POST', '/api/v1/auth/password-reset/confirm', () => ({ success: true, message: 'set' })],
      ['POST', '/api/v1/auth/verify', ({ body }) => this.verify(body)],
      ['GET', '/api/v1/auth/sessions', () => list('sessions', [{ id: 'w1', user_agent: 'Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0', ip_address: '127.0.0.1', last_active_at: '2026-11-20T08:00:00Z', is_current: true }])],
      ['GET', '/api/v1/me', ({ user }) => ({ user: this.known(user) })],
      ['PATCH', '/api/v1/me', ({ user, body }) => ({ user: Object.assign(this.known(user), body) })],
      ['GET', '/api/v1/api-keys', () => list('api_keys', this.keys)],
      ['POST', '/api/v1/api-keys', ({ body }) => ({ api_key: this.add(this.keys, { id: randomUUID(), name: body.name, revoked_at: null }), key: 'rk_shown_once' })],
      ['DELETE', `/api/v1/api-keys/${id}`, (call) => this.remove(this.keys, call.id)],
    ];
  }

  add(items, item) {
    items.unshift(item);
    return item;
  }

  find(items, id) {
    const item = items.find((one) => one.id === id);
    if (!item) throw Object.assign(new Error('there is no such thing'), { status: 404 });
    return item;
  }

  remove(items, id) {
    const item = this.find(items, id);
    items.splice(items.indexOf(item), 1);
    this.deleted.set(id, item);
    return { success: true, message: 'deleted' };
  }

  restore(items, id) {
    return this.add(items, this.deleted.get(id));
  }

  progressed(document) {
    const { done } = document.progress;
    if (document.status === 'pending') Object.assign(document, { status: 'processing', progress: { stage: 'extracting', done: 0.3 } });
    else if (done < 0.6) document.progress = { stage: 'embedding', done: 0.8 };
    else Object.assign(document, { status: 'completed', progress: { stage: 'done', done: 1 }, chunk_count: 7 });
    return document;
  }

  register({ email, password }) {
    if (password.length < 10) throw Object.assign(new Error('the password is too short'), { status: 400, param: 'password' });
    this.users.set(email, { password, user: { id: randomUUID(), email, subscription_tier: 'free', is_verified: false } });
    return { success: true, message: 'look into your mail' };
  }

  verify({ token }) {
    if (token !== 'vt_good') throw Object.assign(new Error('the link is too old'), { status: 400 });
    return { success: true, message: 'confirmed' };
  }

  login({ email, password }) {
    const known = this.users.get(email);
    if (known?.password !== password) throw Object.assign(new Error('the address or the password is wrong'), { status: 401 });
    return this.signedIn(known.user);
  }

  signedIn(user) {
    this.known(user);
    const [access, refresh] = [randomUUID(), randomUUID()];
    this.tokens.set(access, user);
    this.tokens.set(refresh, user);
    return { access_token: access, refresh_token: refresh, expires_in: ACCESS_SECONDS, user };
  }

  known(user) {
    if (!user) throw Object.assign(new Error('sign in first'), { status: 401 });
    return user;
  }
}
