// Who is using the page: somebody who signed in, an API key, or nobody in particular. Keeps the tokens and renews them in time.
// Tokens lie in this tab's storage, or in the browser's when the person asked to stay signed in.
import { ApiError, call, download, upload } from './http.js';

const SIGN_IN_ITEM = 'repartee.sign_in';
const RENEW_BEFORE_MS = 60_000;

export class Account extends EventTarget {
  /** `apiKey()`: the key typed on the front page, which counts while nobody is signed in. Events: "change". */
  constructor(apiKey) {
    super();
    this.apiKey = apiKey;
    this.user = null;
    addEventListener('storage', ({ key }) => {
      if (key === SIGN_IN_ITEM) this.load();
    });
  }

  get signedIn() {
    return Boolean(this.stored());
  }

  get name() {
    return [this.user?.first_name, this.user?.last_name].filter(Boolean).join(' ') || this.user?.username || this.user?.email || '';
  }

  stored() {
    const text = sessionStorage.getItem(SIGN_IN_ITEM) ?? localStorage.getItem(SIGN_IN_ITEM);
    try {
      return text ? JSON.parse(text) : null;
    } catch {
      return null;
    }
  }

  keep(answer, stay) {
    const known = { access: answer.access_token, refresh: answer.refresh_token, until: Date.now() + 1000 * (answer.expires_in ?? 0) };
    const [kept, other] = stay ? [localStorage, sessionStorage] : [sessionStorage, localStorage];
    kept.setItem(SIGN_IN_ITEM, JSON.stringify(known));
    other.removeItem(SIGN_IN_ITEM);
    return known;
  }

  forget() {
    sessionStorage.removeItem(SIGN_IN_ITEM);
    localStorage.removeItem(SIGN_IN_ITEM);
    this.user = null;
    this.changed();
  }

  changed() {
    this.dispatchEvent(new Event('change'));
  }

  /** What a call is made with: a fresh access token, the API key, or nothing. */
  async credential() {
    const known = this.stored();
    if (!known) return this.apiKey();
    if (known.until - Date.now() > RENEW_BEFORE_MS) return known.access;
    // A refresh token is good for one use: tabs that share it take turns, and the later one finds what the first one got.
    const renewal = () => this.renew();
    return navigator.locks ? navigator.locks.request(SIGN_IN_ITEM, renewal) : (this.renewing ??= renewal().finally(() => (this.renewing = null)));
  }

  async renew() {
    const known = this.stored();
    if (!known) return this.apiKey();
    if (known.until - Date.now() > RENEW_BEFORE_MS) return known.access;
    try {
      const answer = await call('POST', '/api/v1/auth/refresh', { body: { refresh_token: known.refresh } });
      return this.keep(answer, localStorage.getItem(SIGN_IN_ITEM) !== null).access;
    } catch (error) {
      if (error.status === 401) this.forget();
      throw error.status === 401 ? new ApiError(401, { message: 'You have been signed out. Sign in again.' }) : error;
    }
  }

  async call(method, path, body) {
    return call(method, path, { body, credential: await this.credential() });
  }

  async upload(path, form, progress) {
    return upload(path, form, { credential: await this.credential(), progress });
  }

  async download(path) {
    return download(path, { credential: await this.credential() });
  }

  async signIn({ email, password }, stay) {
    this.keep(await call('POST', '/api/v1/auth/login', { body: { email, password } }), stay);
    await this.load();
  }

  register(details) {
    return call('POST', '/api/v1/auth/register', { body: details });
  }

  async signOut() {
    const known = this.stored();
    if (known) await call('POST', '/api/v1/auth/logout', { body: { refresh_token: known.refresh }, credential: known.access }).catch(() => {});
    this.forget();
  }

  /** Learns who it is; without an answer the page works as for nobody. */
  async load() {
    this.user = this.stored() ? (await this.call('GET', '/api/v1/me').catch(() => ({}))).user ?? null : null;
    this.changed();
  }
}
