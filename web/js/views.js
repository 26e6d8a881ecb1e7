// Which view is open, by the address's fragment: "#clones/0192..." is the view "clones" with the detail "0192...". Talk is the front page.

const FRONT = 'talk';

/** Links in the server's mails are "#verify=TOKEN" and "#reset=TOKEN": they open the account. */
export function parseRoute(hash) {
  const mailed = hash.match(/^#(verify|reset)=(.+)$/);
  if (mailed) return { view: 'account', detail: `${mailed[1]}/${mailed[2]}` };
  const [view, ...rest] = hash.replace(/^#\/?/, '').split('/').map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  return { view: view || FRONT, detail: rest.join('/') };
}

export class Views {
  /** `views`: {name: {root, open(detail)}}; `links`: the anchors of the navigation. A view is told each time it is opened. */
  constructor(views, links) {
    Object.assign(this, { views, links });
    addEventListener('hashchange', () => this.show(true));
  }

  show(moved = false) {
    const route = parseRoute(location.hash);
    const name = this.views[route.view] ? route.view : FRONT;
    document.body.dataset.view = name;
    for (const [key, { root }] of Object.entries(this.views)) root.hidden = key !== name;
    for (const link of this.links) {
      if (parseRoute(new URL(link.href).hash).view === name) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
    const { root, open } = this.views[name];
    open?.(name === route.view ? route.detail : '');
    // A reader of screens, or a keyboard, goes on where the new view begins; one that is not drawn yet hands the focus on when it is.
    if (moved && name !== FRONT) (root.querySelector('h2') ?? root).focus();
  }
}
