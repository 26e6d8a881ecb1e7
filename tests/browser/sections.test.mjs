// The sections besides the conversation with the real server: an account, a clone, a document it answers from, and the conversation kept.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openBrowser, openPage } from './support/browser.mjs';
import { RealServer } from './support/real_server.mjs';

const WAIT = { timeout: 60000 };
const MENU = `# The Copper Kettle

The Copper Kettle opens at seven in the morning from Monday to Friday. On Sundays it stays closed.
The soup of the day costs four pounds fifty and comes with bread. Dogs are welcome in the garden only.
`;

let directory;
let server;
let browser;
before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'repartee-sections-'));
  [server, browser] = await Promise.all([new RealServer(join(directory, 'data')).start(), openBrowser({ microphone: null })]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function onPage(path, body) {
  const { page, errors } = await openPage(browser, server.url + path, { networkFails: true });
  try {
    await body(page);
    assert.deepEqual(errors, []);
  } catch (error) {
    error.message += `\n--- page: ${await page.evaluate(() => document.body.innerText)}\n--- server: ${server.log.slice(-4000)}`;
    throw error;
  } finally {
    await page.context().close();
  }
}

const sees = (page, selector) => page.waitForSelector(selector, WAIT);

/** The link of the newest mail, which a server without a mail server writes into its log. */
async function mailedLink(kind) {
  const deadline = Date.now() + WAIT.timeout;
  for (;;) {
    const links = [...server.log.matchAll(new RegExp(`#${kind}=[\\w.~-]+`, 'g'))];
    if (links.length) return links.at(-1)[0];
    assert.ok(Date.now() < deadline, 'no mail');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function signIn(page, password) {
  await page.fill('#account-view input[name=email]', 'grace@example.org');
  await page.fill('#account-view input[name=password]', password);
  await page.press('#account-view input[name=password]', 'Enter');
}

test('from an account to an answer out of one’s own document, and its row in the history', async () => {
  await onPage('#account/register', async (page) => {
    await page.fill('[name=first_name]', 'Grace');
    await page.fill('#account-view input[name=email]', 'grace@example.org');
    await page.fill('#account-view input[name=password]', 'short');
    await page.evaluate(() => document.querySelector('#account-view form').setAttribute('novalidate', ''));
    await page.click('#account-view button.action');
    await sees(page, '#account-view .problem:visible');
    await page.fill('#account-view input[name=password]', 'a compiler for everybody');
    await page.click('#account-view button.action');
    await sees(page, 'text=A link is on its way to grace@example.org');
    await page.goto(`${server.url}${await mailedLink('verify')}`);
    await page.reload();
    await sees(page, 'text=Your address is confirmed');
    await page.click('#account-view >> text=Sign in');
    await signIn(page, 'wrong and long enough');
    await sees(page, '#account-view .problem:visible');
    await signIn(page, 'a compiler for everybody');
    await sees(page, '#account-link >> text=Grace');

    await page.click('#sections >> text=Clones');
    await page.click('text=New clone');
    await page.fill('[name=name]', 'Waiter');
    await page.fill('[name=persona_prompt]', 'You are the waiter of a small restaurant.');
    await page.selectOption('[name=voice]', 'flite/slt');
    await page.click('text=Make this clone');
    await sees(page, '.item:has-text("Waiter")');

    await page.click('#sections >> text=Knowledge');
    await page.setInputFiles('#knowledge-view input[type=file]', { name: 'copper kettle.md', mimeType: 'text/markdown', buffer: Buffer.from(MENU) });
    await sees(page, '.item:has-text("copper kettle.md") >> text=/\\d+ passage/');
    await page.fill('[name=query]', 'When does the Copper Kettle open?');
    await page.press('[name=query]', 'Enter');
    await sees(page, '.passage >> text=seven in the morning');

    await page.click('#sections >> text=Clones');
    await page.click('.item:has-text("Waiter") >> text=Talk');
    await page.fill('#message', 'What does the soup of the day cost?');
    await page.press('#message', 'Enter');
    await sees(page, '.entry.clone >> text=/four pounds fifty/');
    await sees(page, '.entry.clone .sources >> text=copper kettle');
    await sees(page, '.entry.clone .waterfall >> text=Retrieval');
    await page.click('#end');

    await page.click('#sections >> text=History');
    await page.click('#history-view .item a >> nth=0');
    await sees(page, '#history-view .entry.clone >> text=/four pounds fifty/');
    await sees(page, '#history-view .sources >> text=copper kettle');
    await page.click('#account-link');
    await sees(page, '#account-view .item >> text=this one');
    const [archive] = await Promise.all([page.waitForEvent('download', WAIT), page.click('text=Export everything')]);
    assert.equal(archive.suggestedFilename(), 'repartee-export.zip');
    await page.click('text=Sign out');
    await sees(page, '#account-link >> text=Sign in');
  });
});

test('what is hers is not seen by who has not signed in', async () => {
  await onPage('#knowledge', async (page) => {
    await sees(page, 'text=Nothing yet.');
    await page.click('#sections >> text=Clones');
    await sees(page, '.item:has-text("Repartee")');
    assert.equal(await page.locator('.item:has-text("Waiter")').count(), 0);
  });
});
