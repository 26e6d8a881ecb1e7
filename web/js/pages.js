// Lists of the HTTP API, which come in pages.

const PAGES_MAX = 20; // of 100: a page that scrolls further is no longer read

/** Every item of a list, as far as a person would look. */
export async function listAll(account, path, plural) {
  const items = [];
  let cursor = null;
  for (let page = 0; page < PAGES_MAX; page++) {
    const answer = await listPage(account, path, plural, { limit: 100, cursor });
    items.push(...answer.items);
    cursor = answer.cursor;
    if (!cursor) break;
  }
  return items;
}

/** {items, cursor}: one page; cursor null at the end. */
export async function listPage(account, path, plural, { limit, cursor } = {}) {
  const url = new URL(path, location.href);
  if (limit) url.searchParams.set('limit', limit);
  if (cursor) url.searchParams.set('cursor', cursor);
  const answer = await account.call('GET', url.pathname + url.search);
  return { items: answer[plural] ?? [], cursor: answer.next_cursor ?? null };
}
