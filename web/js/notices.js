// The message bar: what went wrong and what can be done about it. One message at a time; the latest counts.

const NOTE_MS = 9000;

export class Notices {
  constructor({ bar, text, action }) {
    Object.assign(this, { bar, text, action });
    this.action.addEventListener('click', () => this.onAction?.());
    this.kind = null;
  }

  /** kind: "error" stays until something else happens, "dropped" until connected again, "note" goes by itself. */
  show({ text, kind, action, onAction }) {
    clearTimeout(this.timer);
    // A passing remark does not hide that the connection is gone.
    if (kind === 'note' && this.kind === 'dropped') return;
    this.kind = kind;
    this.text.textContent = text;
    this.bar.dataset.kind = kind;
    this.action.hidden = !action;
    this.action.textContent = action ?? '';
    this.onAction = onAction;
    this.bar.hidden = false;
    if (kind === 'note') this.timer = setTimeout(() => this.clear(), NOTE_MS);
  }

  clear() {
    clearTimeout(this.timer);
    this.kind = null;
    this.bar.hidden = true;
    this.text.textContent = '';
  }
}
