// What the views besides the conversation have in common: they fetch, then draw; a slower answer to an earlier visit is not drawn.
import { element } from './dom.js';
import { heading } from './forms.js';

export class View {
  /** on: {changed(), talkTo(cloneId), note({text, action, onAction}), problem(text)}; changed: clones, documents or who is signed in. */
  constructor(root, title, account, on) {
    Object.assign(this, { root, title, account, on });
  }

  /** `draw`: async, answers the elements to show. */
  async fill(draw) {
    const visit = (this.visit = {});
    this.root.setAttribute('aria-busy', 'true');
    let content;
    try {
      content = await draw();
    } catch (error) {
      content = [heading(this.title), element('p', 'problem', error.status === 401 ? 'Sign in to see this.' : error.message)];
    }
    if (visit !== this.visit) return;
    const hadFocus = this.root.contains(document.activeElement);
    this.root.replaceChildren(...content);
    this.root.removeAttribute('aria-busy');
    if (hadFocus) this.root.querySelector('h2').focus();
  }

  /** Tries something; says in the bar what went wrong. Answers whether it went well. */
  async attempt(work) {
    try {
      await work();
      return true;
    } catch (error) {
      this.on.problem(error.message);
      return false;
    }
  }

  /** Deletes at once, and offers to take it back. `what` is its name. */
  async removeWithUndo(path, what, after) {
    if (!(await this.attempt(() => this.account.call('DELETE', path)))) return;
    after();
    this.on.note({
      text: `${what} is deleted.`, action: 'Undo',
      onAction: async () => {
        if (await this.attempt(() => this.account.call('POST', `${path}/restore`))) after();
      },
    });
  }
}
