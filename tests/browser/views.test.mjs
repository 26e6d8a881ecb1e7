// The sections besides the conversation, in a real browser against the mock's API. See sections_real.test.mjs for the real server.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openBrowser, openPage } from './support/browser.mjs';
import { MockServer } from './support/mock_server.mjs';

const WAIT = { timeout: 15000 };
let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

async function onPage(path, body, options = {}) {
  const server = await new MockServer().listen();
  const { page, errors } = await openPage(browser, server.url + path, { networkFails: true, ...options });
  try {
    await body(page, server);
    assert.deepEqual(errors, []);
  } finally {
    await page.context().close();
    await server.close();
  }
}

const sees = (page, selector) => page.waitForSelector(selector, WAIT);
const requests = (server, method, path) => server.api.requests.filter((one) => one.method === method && one.path === path);

async function signIn(page, password = 'correct horse') {
  await page.fill('#account-view input[name=email]', 'ada@example.org');
  await page.fill('#account-view input[name=password]', password);
  await page.press('#account-view input[name=password]', 'Enter');
}

test('a clone is made, changed, deleted and brought back', async () => {
  await onPage('#clones', async (page, server) => {
    await page.click('text=New clone');
    await page.fill('[name=name]', 'Grace');
    await page.fill('[name=persona_prompt]', 'You are Grace.');
    await page.selectOption('[name=voice]', 'flite/slt');
    await page.click('text=Make this clone');
    await sees(page, '.item >> text=Grace');
    const [{ body }] = requests(server, 'POST', '/api/v1/echo');
    assert.deepEqual(body, { name: 'Grace', persona_prompt: 'You are Grace.', greeting: '', tts_provider: 'flite', voice_id: 'slt', knowledge_scope: 'all', visibility: 'private' });
    await page.click('.item:has-text("Grace") >> text=Edit');
    await page.fill('[name=greeting]', 'Hello there.');
    await page.click('#clones-view >> text=Save');
    await sees(page, '.item:has-text("Grace") >> text=Hello there.');
    await page.click('.item:has-text("Grace") >> text=Edit');
    await page.click('#clones-view >> text=Delete');
    await page.waitForFunction(() => !document.querySelector('#clones-view').textContent.includes('Grace'), null, WAIT);
    await page.click('#notice-action');
    await sees(page, '.item >> text=Grace');
  });
});

test('what is not mine cannot be edited, and every clone can be talked to', async () => {
  await onPage('#clones', async (page, server) => {
    await sees(page, '.item:has-text("Repartee")');
    assert.equal(await page.locator('.item:has-text("Repartee") >> text=Edit').count(), 0);
    await page.click('.item:has-text("Ada") >> text=Talk');
    await page.waitForFunction(() => document.body.dataset.view === 'talk');
    assert.equal(await page.inputValue('#clone'), 'a1');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'talk');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.body.dataset.state === 'idle', null, WAIT);
    assert.match(server.upgrades[0].url, /model=a1/);
  });
});

test('a document is uploaded with its progress, found by a search, and a broken one says why', async () => {
  await onPage('#knowledge', async (page, server) => {
    await sees(page, '.item:has-text("broken.pdf") >> text=not a PDF');
    await page.setInputFiles('#knowledge-view input[type=file]', { name: 'menu.txt', mimeType: 'text/plain', buffer: Buffer.from('Soup of the day: leek.') });
    await sees(page, '.item:has-text("menu.txt") progress');
    await sees(page, '.item:has-text("menu.txt") >> text=7 passages');
    assert.match(requests(server, 'POST', '/api/v1/knowledge')[0].body, /Soup of the day/);
    await page.fill('[name=query]', 'When are you open?');
    await page.press('[name=query]', 'Enter');
    await sees(page, '.passage >> text=We open at nine on weekdays.');
    await page.fill('[name=query]', 'Who won?');
    await page.press('[name=query]', 'Enter');
    await sees(page, '.passages >> text=Nothing in your documents fits that.');
  });
});

test('a past conversation shows what was heard, what was cut off, its sources, and where its time went', async () => {
  await onPage('#history', async (page) => {
    await sees(page, '.figures >> text=Voice to voice');
    await page.click('.item a >> nth=0');
    await sees(page, '.entry.clone >> text=According to menu, we open at nine.');
    await sees(page, '.unheard >> text=at ten and close at four.');
    await sees(page, '.sources >> text=menu.pdf');
    assert.equal(await page.locator('#history-view .waterfall').count(), 2);
    const [saved] = await Promise.all([page.waitForEvent('download'), page.click('text=Save as CSV')]);
    assert.equal(saved.suggestedFilename(), 'conversation-s1.csv');
  });
});

test('signing in: a wrong password is said, a right one names the person, and calls carry the token', async () => {
  await onPage('#account', async (page, server) => {
    await signIn(page, 'wrong');
    await sees(page, '#account-view .problem >> text=wrong');
    await signIn(page);
    await sees(page, '#account-link >> text=Ada Lovelace');
    await page.click('#sections >> text=History');
    await sees(page, '.item a');
    const { authorization } = requests(server, 'GET', '/api/v1/sessions').at(-1);
    assert.ok(server.api.tokens.has(authorization.slice(7)));
    await page.reload();
    await sees(page, '#account-link >> text=Ada Lovelace');
    assert.equal(await page.evaluate(() => localStorage.length), 0, 'not kept beyond this tab');
    await page.click('#account-link');
    await page.click('text=Sign out');
    await sees(page, '#account-link >> text=Sign in');
    assert.equal(await page.evaluate(() => sessionStorage.getItem('repartee.sign_in')), null);
  });
});

test('a token that has run out is renewed once, whoever asks', async () => {
  await onPage('#account', async (page, server) => {
    await page.check('[name=stay]');
    await signIn(page);
    await sees(page, '#account-link >> text=Ada Lovelace');
    await page.evaluate(() => {
      const known = JSON.parse(localStorage.getItem('repartee.sign_in'));
      localStorage.setItem('repartee.sign_in', JSON.stringify({ ...known, until: Date.now() + 1000 }));
    });
    await page.click('#sections >> text=History'); // three calls at once
    await sees(page, '.item a');
    assert.equal(requests(server, 'POST', '/api/v1/auth/refresh').length, 1);
  });
});

test('an account is made; a password too short is said where it stands', async () => {
  await onPage('#account/register', async (page, server) => {
    await page.fill('#account-view input[name=email]', 'bob@example.org');
    await page.fill('#account-view input[name=password]', 'a long enough one');
    await page.click('#account-view button.action');
    await sees(page, 'text=A link is on its way to bob@example.org');
    assert.ok(server.api.users.has('bob@example.org'));
  });
});

test('the links in mails work: confirming an address, setting a new password', async () => {
  await onPage('#verify=vt_good', (page) => sees(page, 'text=Your address is confirmed'));
  await onPage('#verify=vt_old', (page) => sees(page, '#account-view >> text=the link is too old'));
  await onPage('#reset=pt_good', async (page, server) => {
    await page.fill('#account-view input[name=password]', 'another long one');
    await page.click('text=Set it');
    await sees(page, 'text=Your password is changed');
    assert.deepEqual(requests(server, 'POST', '/api/v1/auth/password-reset/confirm')[0].body, { token: 'pt_good', password: 'another long one' });
  });
});

test('an API key is shown once and can be revoked; traits are saved', async () => {
  await onPage('#account', async (page, server) => {
    await signIn(page);
    await sees(page, '#account-link >> text=Ada Lovelace');
    await page.click('#account-link');
    await page.fill('#account-view [name=name]', 'my phone');
    await page.click('text=Make it');
    await sees(page, '.secret >> text=rk_shown_once');
    await page.click('.item:has-text("my phone") >> text=Revoke');
    await page.waitForFunction(() => !document.querySelector('#account-view').textContent.includes('my phone'), null, WAIT);
    await page.fill('[name=personality_traits]', 'curious, kind');
    await page.click('#account-view >> text=Save');
    await sees(page, '#notice >> text=Saved.');
    assert.deepEqual(requests(server, 'PATCH', '/api/v1/me')[0].body.personality_traits, ['curious', 'kind']);
  });
});

test('the sections can be reached and used with the keyboard, and the focus goes where the section begins', async () => {
  await onPage('', async (page) => {
    for (let i = 0; i < 4; i++) await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.body.dataset.view === 'knowledge');
    await page.waitForFunction(() => document.activeElement.tagName === 'H2', null, WAIT);
    const reached = [];
    for (let i = 0; i < 6; i++) {
      await page.keyboard.press('Tab');
      reached.push(await page.evaluate(() => document.activeElement.name || document.activeElement.textContent));
    }
    for (const wanted of ['file', 'query', 'Search', 'Delete']) assert.ok(reached.includes(wanted), `${wanted} in ${reached}`);
  });
});

for (const [name, viewport] of [['a phone', { width: 360, height: 640 }], ['a small phone', { width: 320, height: 568 }]]) {
  test(`nothing sticks out on ${name}`, async () => {
    await onPage('#account', async (page) => {
      await signIn(page);
      await sees(page, '#account-link >> text=Ada Lovelace');
      for (const section of ['clones', 'clones/a1', 'knowledge', 'history', 'history/s1', 'account']) {
        await page.evaluate((hash) => (location.hash = hash), `#${section}`);
        const root = `#${section.split('/')[0]}-view`;
        await page.waitForFunction((id) => document.querySelector(`${id} h2`) && !document.querySelector(id).hasAttribute('aria-busy'), root, WAIT);
        const over = await page.evaluate((id) => {
          const box = document.querySelector(id);
          return Math.max(box.scrollWidth - box.clientWidth, document.documentElement.scrollWidth - innerWidth);
        }, root);
        assert.ok(over <= 0, `${section} is ${over} px too wide`);
      }
    }, { viewport });
  });
}

test('what comes from outside is text, never markup', async () => {
  await onPage('#clones', async (page, server) => {
    server.api.clones[0].name = '<img src=x onerror="window.hacked=1">';
    server.api.clones[0].greeting = '<script>window.hacked=1</script>';
    await page.reload();
    await sees(page, '.item >> text=<img');
    assert.equal(await page.evaluate(() => window.hacked), undefined);
  });
});
