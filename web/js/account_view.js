// Signing in and registering; and for who is signed in: the profile, the places they are signed in at, API keys, their data.
import { element } from './dom.js';
import { button, dateTime, field, heading, link, onSubmit } from './forms.js';
import { saveAs } from './http.js';
import { listAll } from './pages.js';
import { View } from './view.js';

export class AccountView extends View {
  constructor(root, account, on) {
    super(root, 'Account', account, on);
  }

  open(detail) {
    return this.fill(() => {
      if (detail.startsWith('verify/')) return this.verified(detail.slice('verify/'.length));
      if (detail.startsWith('reset/')) return this.newPassword(detail.slice('reset/'.length));
      if (this.account.signedIn) return this.profile();
      if (detail === 'register') return this.registration();
      if (detail === 'again') return this.again();
      return detail === 'forgotten' ? this.forgotten() : this.signIn();
    });
  }

  signIn() {
    const form = element('form', 'sheet narrow');
    const stay = field('Keep me signed in on this device', { kind: 'checkbox', name: 'stay' });
    form.append(email().row, password('current-password').row, stay.row, element('button', 'action', 'Sign in'));
    onSubmit(form, async (data) => {
      await this.account.signIn({ email: data.get('email').trim(), password: data.get('password') }, Boolean(data.get('stay')));
      this.on.changed();
      location.hash = '#talk';
    });
    const others = element('p', 'facts');
    others.append(link('Make an account', '#account/register'), ' · ', link('Forgotten password', '#account/forgotten'), ' · ', link('No mail to confirm the address', '#account/again'));
    return [heading('Sign in'), form, others];
  }

  registration() {
    const form = element('form', 'sheet narrow');
    const name = field('First name', { name: 'first_name', autocomplete: 'given-name', maxlength: 100 });
    form.append(name.row, email().row, password('new-password', 'At least ten characters.').row, element('button', 'action', 'Make the account'));
    onSubmit(form, async (data) => {
      const details = { email: data.get('email').trim(), password: data.get('password') };
      if (data.get('first_name').trim()) details.first_name = data.get('first_name').trim();
      await this.account.register(details);
      this.root.replaceChildren(heading('Nearly there'), element('p', 'lead',
        `A link is on its way to ${details.email}. Where the server sends no mail, whoever runs it finds the link in its log.`), link('Sign in', '#account'));
    });
    return [heading('Make an account'), form, link('I have one', '#account')];
  }

  /** Asks for a mail; the answer is the same whether or not the address has an account. */
  mailTo(title, path, promise) {
    const form = element('form', 'sheet narrow');
    form.append(email().row, element('button', 'action', 'Send me a link'));
    onSubmit(form, async (data) => {
      await this.account.call('POST', path, { email: data.get('email').trim() });
      this.root.replaceChildren(heading('Look into your mail'), element('p', 'lead', promise));
    });
    return [heading(title), form, link('Sign in', '#account')];
  }

  forgotten() {
    return this.mailTo('Forgotten password', '/api/v1/auth/password-reset', 'If there is an account with that address, a link to set a new password is on its way.');
  }

  again() {
    return this.mailTo('No mail?', '/api/v1/auth/verification', 'If there is an account with that address that waits to be confirmed, the link is on its way again.');
  }

  newPassword(token) {
    const form = element('form', 'sheet narrow');
    const whose = element('input'); // browsers keep a password under a name
    Object.assign(whose, { type: 'text', autocomplete: 'username', value: 'Repartee', readOnly: true, hidden: true });
    form.append(whose, password('new-password', 'At least ten characters.').row, element('button', 'action', 'Set it'));
    onSubmit(form, async (data) => {
      await this.account.call('POST', '/api/v1/auth/password-reset/confirm', { token, password: data.get('password') });
      this.root.replaceChildren(heading('Your password is changed'), link('Sign in', '#account', 'action'));
    });
    return [heading('A new password'), form];
  }

  async verified(token) {
    await this.account.call('POST', '/api/v1/auth/verify', { token });
    return [heading('Your address is confirmed'), link('Sign in', '#account', 'action')];
  }

  async profile() {
    const { user } = await this.account.call('GET', '/api/v1/me');
    const [signIns, keys] = await Promise.all([
      listAll(this.account, '/api/v1/auth/sessions', 'sessions').catch(() => []), listAll(this.account, '/api/v1/api-keys', 'api_keys').catch(() => []),
    ]);
    const signOut = button('Sign out', async () => {
      await this.account.signOut();
      this.on.changed();
      location.hash = '#talk';
    });
    return [heading(this.account.name || 'Account', signOut), this.aboutYou(user), this.keys(keys), this.signIns(signIns), this.data()];
  }

  aboutYou(user) {
    const form = element('form', 'sheet');
    form.append(
      element('h3', '', 'About you'),
      element('p', 'facts', [user.email, `${user.subscription_tier} tier`, user.is_verified ? '' : 'address not confirmed yet'].filter(Boolean).join(' · ')),
      field('First name', { name: 'first_name', value: user.first_name, maxlength: 100, autocomplete: 'given-name' }).row,
      field('Last name', { name: 'last_name', value: user.last_name, maxlength: 100, autocomplete: 'family-name' }).row,
      field('Traits', {
        name: 'personality_traits', value: (user.personality_traits ?? []).join(', '), maxlength: 1000,
        note: 'How you are, in a few words with commas between: your own clones are like that.',
      }).row,
      element('button', 'action', 'Save'),
    );
    onSubmit(form, async (data) => {
      const traits = data.get('personality_traits').split(',').map((trait) => trait.trim()).filter(Boolean);
      await this.account.call('PATCH', '/api/v1/me', { first_name: data.get('first_name').trim(), last_name: data.get('last_name').trim(), personality_traits: traits });
      await this.account.load();
      this.on.note({ text: 'Saved.' });
    });
    return form;
  }

  keys(keys) {
    const box = element('section', 'sheet');
    box.append(element('h3', '', 'API keys'), element('p', 'facts', 'For programs that talk with the server in your name.'));
    const list = element('ul', 'rows');
    for (const key of keys) {
      list.append(this.listed(key.name, key.last_used_at ? `last used ${dateTime(key.last_used_at)}` : 'never used', 'Revoke', `/api/v1/api-keys/${key.id}`));
    }
    const form = element('form', 'inline');
    form.append(field('Name of a new key', { name: 'name', required: true, maxlength: 100, autocomplete: 'off' }).row, element('button', 'plain', 'Make it'));
    const shown = element('p', 'secret');
    shown.hidden = true;
    onSubmit(form, async (data) => {
      const answer = await this.account.call('POST', '/api/v1/api-keys', { name: data.get('name').trim() });
      form.reset();
      shown.replaceChildren('Copy it now; it is not shown again: ', element('code', '', answer.key));
      shown.hidden = false;
      list.prepend(this.listed(answer.api_key.name, 'new', 'Revoke', `/api/v1/api-keys/${answer.api_key.id}`));
    });
    box.append(list, form, shown);
    return box;
  }

  signIns(sessions) {
    const box = element('section', 'sheet');
    box.append(element('h3', '', 'Where you are signed in'));
    const list = element('ul', 'rows');
    for (const session of sessions) {
      const facts = [session.ip_address, `last active ${dateTime(session.last_active_at)}`, session.is_current ? 'this one' : ''].filter(Boolean).join(' · ');
      list.append(this.listed(browserName(session.user_agent), facts, session.is_current ? '' : 'Sign out there', `/api/v1/auth/sessions/${session.id}`));
    }
    box.append(list);
    return box;
  }

  /** A row with one thing that can be done to it: ending it. */
  listed(title, facts, ending, path) {
    const row = element('li', 'item');
    const words = element('div', 'words');
    words.append(element('h4', '', title), element('p', 'facts', facts));
    row.append(words);
    if (ending) row.append(button(ending, () => this.attempt(async () => {
      await this.account.call('DELETE', path);
      row.remove();
    }), 'plain danger'));
    return row;
  }

  data() {
    const box = element('section', 'sheet');
    box.append(element('h3', '', 'Your data'), element('p', 'facts', 'Everything the server keeps of you, as one archive; or the end of it.'));
    const save = button('Export everything', () => this.attempt(async () => saveAs(await this.account.download('/api/v1/me/export'), 'repartee-export.zip')));
    const end = button('Delete my account', () => {
      end.replaceWith(button('Really delete it', () => this.attempt(async () => {
        await this.account.call('DELETE', '/api/v1/me');
        this.account.forget();
        this.on.changed();
        location.hash = '#talk';
      }), 'plain danger'));
    }, 'plain danger');
    const buttons = element('div', 'buttons');
    buttons.append(save, end);
    box.append(buttons);
    return box;
  }
}

const email = () => field('E-mail address', { kind: 'email', name: 'email', required: true, autocomplete: 'username', maxlength: 254 });
const password = (autocomplete, note) => field('Password', {
  kind: 'password', name: 'password', required: true, autocomplete, note, minlength: autocomplete === 'new-password' ? 10 : undefined, maxlength: 200,
});

/** "Firefox on Linux" of a user agent, or its beginning. */
export function browserName(agent = '') {
  const browser = [['Edg/', 'Edge'], ['Firefox/', 'Firefox'], ['Chrome/', 'Chrome'], ['Safari/', 'Safari']].find(([mark]) => agent.includes(mark))?.[1];
  const system = [['Android', 'Android'], ['iPhone', 'iPhone'], ['iPad', 'iPad'], ['Windows', 'Windows'], ['Mac OS', 'macOS'], ['Linux', 'Linux']].find(([mark]) => agent.includes(mark))?.[1];
  if (browser) return system ? `${browser} on ${system}` : browser;
  return agent.slice(0, 60) || 'Unknown program';
}
