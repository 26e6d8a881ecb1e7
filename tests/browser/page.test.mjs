// The page in a real browser against the mock server: what must not depend on models or a database. See talk.test.mjs for the real thing.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openBrowser, openPage, stateIs } from './support/browser.mjs';
import { MockServer } from './support/mock_server.mjs';

const WAIT = { timeout: 15000 };
let browser;
let silentBrowser; // refuses the microphone

before(async () => {
  [browser, silentBrowser] = await Promise.all([openBrowser(), openBrowser({ microphone: null })]);
});
after(() => Promise.all([browser.close(), silentBrowser.close()]));

/** Runs `body` on a fresh page and server, and fails on any error of the page's own code. */
async function onPage({ mock, path = '', in: where = browser, page: pageOptions } = {}, body) {
  const server = await new MockServer(mock).listen();
  const { page, errors } = await openPage(where, server.url + path, pageOptions);
  try {
    await body(page, server);
    assert.deepEqual(errors, []);
  } finally {
    await page.context().close();
    await server.close();
  }
}

async function type(page, text) {
  await page.fill('#message', text);
  await page.press('#message', 'Enter');
}

const turns = (page, count) => page.waitForFunction((wanted) => window.repartee.turns.length >= wanted, count, WAIT);
const sent = (server, kind) => server.received.filter(({ type: name }) => name === kind);

test('a spoken turn is captioned, answered aloud, and measured', async () => {
  await onPage({ mock: { greeting: false } }, async (page, server) => {
    await page.click('#talk');
    await page.waitForSelector('.user:not(.partial) >> text=Go forward ten metres.', WAIT);
    await stateIs(page, 'speaking');
    await page.waitForSelector('.word.sounding', WAIT);
    await turns(page, 1);
    await page.waitForSelector('.waterfall >> text=807 ms', WAIT);
    const drawn = await page.evaluate(() => {
      const scale = document.querySelector('.track').getBoundingClientRect();
      const inMs = (x) => Math.round((1000 * (x - scale.left)) / (scale.width - 1));
      const bars = [...document.querySelectorAll('.bar')].map((bar) => bar.getBoundingClientRect()).map(({ left, right }) => [inMs(left), inMs(right)]);
      return { bars, audible: inMs(document.querySelector('.audible').getBoundingClientRect().left), axis: document.querySelector('.axis').innerText };
    });
    assert.match(drawn.axis, /1000 ms/);
    for (const [i, span] of [[0, 531], [172, 314], [314, 356], [357, 806]].entries()) {
      for (const end of [0, 1]) assert.ok(Math.abs(drawn.bars[i][end] - span[end]) <= 4, `bar ${i} stands at ${drawn.bars[i]} ms`);
    }
    assert.ok(Math.abs(drawn.audible - 807) <= 4, `audible at ${drawn.audible} ms`);
    const seen = await page.evaluate(() => ({ ...window.repartee, unlit: document.querySelectorAll('.clone .word:not(.begun)').length }));
    assert.ok(seen.nonSilentSamples > 48000, `${seen.nonSilentSamples} audible samples`);
    assert.equal(seen.unlit, 0, 'every word has lit up');
    assert.ok(server.binaryFrames > 50, 'the microphone was sent');
    const [{ session }] = sent(server, 'session.update');
    assert.equal(session.audio.input.format.type, 'audio/opus');
    assert.equal(session.audio.output.transport, 'binary');
  });
});

test('the played audio is complete: not a sample lost or invented', async () => {
  await onPage({ in: silentBrowser, mock: { greeting: false } }, async (page) => {
    await type(page, 'hello');
    await turns(page, 1);
    const heardMs = await page.evaluate(() => window.repartee.turns[0].heard_ms);
    await page.waitForFunction((samples) => window.repartee.playedSamples >= samples, heardMs * 48 - 48, WAIT);
    assert.ok(Math.abs((await page.evaluate(() => window.repartee.playedSamples)) - heardMs * 48) <= 48);
  });
});

test('what the microphone sends as Opus can be played back as Opus', async () => {
  await onPage({ mock: { greeting: false, opus: true } }, async (page) => {
    await page.click('#talk');
    await turns(page, 1);
    const { nonSilentSamples, codecs } = await page.evaluate(() => window.repartee);
    assert.deepEqual(codecs, { input: 'opus', output: 'opus' });
    assert.ok(nonSilentSamples > 1000, `${nonSilentSamples} audible samples of the browser's test tone`);
  });
});

test('without WebCodecs plain samples are sent', async () => {
  await onPage({ path: '?audio=pcm', mock: { greeting: false } }, async (page, server) => {
    await page.click('#talk');
    await turns(page, 1);
    assert.deepEqual(sent(server, 'session.update')[0].session.audio.input.format, { type: 'audio/pcm', rate: 24000 });
  });
});

test('an interruption stops the voice at once, tells the server what was played, and shows the rest as unheard', async () => {
  await onPage({ in: silentBrowser, mock: { greeting: false } }, async (page, server) => {
    await type(page, 'interrupt');
    await page.waitForSelector('.clone .tag >> text=interrupted', WAIT);
    await turns(page, 1);
    const [position] = sent(server, 'repartee.playback');
    assert.ok(position.played_ms > 500 && position.played_ms < 1900, `${position.played_ms} ms`);
    const shown = await page.evaluate(() => {
      const entry = document.querySelector('.entry.clone');
      const text = (selector) => [...entry.querySelectorAll(selector)].map((word) => word.textContent).join(' ');
      return { heard: text('.word.begun'), unheard: text('.word.unheard'), row: window.repartee.turns[0].heard_response };
    });
    assert.equal(shown.heard, shown.row);
    assert.ok(shown.heard.length > 0 && shown.unheard.length > 0);
  });
});

test('writing into a spoken reply cancels it', async () => {
  await onPage({ in: silentBrowser }, async (page, server) => {
    await type(page, 'first');
    await stateIs(page, 'speaking');
    await page.waitForFunction(() => window.repartee.playedSamples > 4800, null, WAIT);
    await type(page, 'second');
    await page.waitForSelector('.clone >> text=You wrote: second.', WAIT);
    assert.ok(sent(server, 'response.cancel').length >= 1);
    assert.ok(sent(server, 'repartee.playback').length >= 1);
  });
});

test('a refused microphone is explained, and writing still works', async () => {
  await onPage({ in: silentBrowser, mock: { greeting: false } }, async (page) => {
    await page.click('#talk');
    await page.waitForSelector('#notice >> text=The microphone was refused', WAIT);
    await stateIs(page, 'off');
    await type(page, 'hello');
    await page.waitForSelector('.user >> text=hello', WAIT);
    await turns(page, 1);
    await page.waitForSelector('#end:visible', WAIT);
    await page.click('#end');
    await stateIs(page, 'off');
  });
});

test('a page opened without HTTPS says why there is no sound, and answers in writing', async () => {
  const insecure = await openBrowser({ args: ['--host-resolver-rules=MAP repartee.test 127.0.0.1'] });
  const server = await new MockServer({ greeting: false }).listen();
  try {
    const { page, errors } = await openPage(insecure, `http://repartee.test:${server.port}/`);
    await page.waitForSelector('#notice >> text=without HTTPS', WAIT);
    await page.click('#talk');
    await page.waitForSelector('#notice >> text=only to pages opened over HTTPS', WAIT);
    await type(page, 'hello');
    await page.waitForSelector('.clone >> text=You wrote: hello.', WAIT);
    assert.deepEqual(sent(server, 'session.update')[0].session.output_modalities, ['text']);
    assert.deepEqual(errors, []);
  } finally {
    await insecure.close();
    await server.close();
  }
});

test('the clone speaks first when one begins by speaking', async () => {
  await onPage({ mock: { hears: false } }, async (page, server) => {
    await page.click('#talk');
    await page.waitForSelector('.clone >> text=Hello, I am Repartee.', WAIT);
    await type(page, 'into the greeting');
    await page.waitForSelector('.clone >> text=You wrote: into the greeting.', WAIT);
    await page.waitForSelector('.clone .tag >> text=interrupted', WAIT);
    assert.ok(sent(server, 'response.cancel').length >= 1);
  });
});

test('whoever begins by typing is answered, not greeted', async () => {
  await onPage({ in: silentBrowser }, async (page, server) => {
    await type(page, 'hello');
    await turns(page, 1);
    assert.equal(await page.evaluate(() => window.repartee.turns[0].user_transcript), 'hello');
    assert.doesNotMatch(server.upgrades[0].url, /greeting/);
  });
});

test('a dropped connection comes back by itself', async () => {
  await onPage({ mock: { greeting: false, hears: false } }, async (page, server) => {
    await page.click('#talk');
    await stateIs(page, 'idle');
    await type(page, 'drop');
    await page.waitForSelector('#notice >> text=The connection dropped.', WAIT);
    await page.waitForSelector('#notice-action >> text=Reconnect now', WAIT);
    await stateIs(page, 'retrying');
    const before = server.binaryFrames;
    await stateIs(page, 'idle');
    await page.waitForSelector('#notice', { ...WAIT, state: 'hidden' });
    while (server.binaryFrames <= before + 10) await page.waitForTimeout(50);
    assert.equal(server.upgrades.length, 2);
    assert.doesNotMatch(server.upgrades[1].url, /greeting/);
  });
});

test('the server’s reason for closing is shown', async () => {
  await onPage({ in: silentBrowser, mock: { greeting: false } }, async (page) => {
    await type(page, 'close');
    await page.waitForSelector('#notice >> text=The server is full at the moment. It said: “too many calls”.', WAIT);
  });
});

test('a refused connection asks for the key, which is kept in the tab and sent as a subprotocol', async () => {
  await onPage({ in: silentBrowser, mock: { greeting: false, refuse: true }, page: { networkFails: true } }, async (page, server) => {
    await type(page, 'hello');
    await page.waitForSelector('#notice >> text=It may want an API key', WAIT);
    await stateIs(page, 'lost');
    server.options.refuse = false;
    await page.fill('#api-key', 'rp_secret');
    await page.press('#api-key', 'Tab');
    await type(page, 'again');
    await page.waitForSelector('.clone >> text=You wrote: again.', WAIT);
    assert.equal(server.upgrades.at(-1).protocols, 'realtime, openai-insecure-api-key.rp_secret');
    assert.deepEqual(await page.evaluate(() => [localStorage.length, sessionStorage.length]), [0, 1]);
  });
});

test('a failed turn is told', async () => {
  await onPage({ in: silentBrowser, mock: { greeting: false } }, async (page) => {
    await type(page, 'fail');
    await page.waitForSelector('#notice >> text=did not answer in time', WAIT);
  });
});

test('the chosen clone and voice are asked for', async () => {
  await onPage({ in: silentBrowser, mock: { greeting: false } }, async (page, server) => {
    await page.waitForSelector('#clone option[value="a1"]', { ...WAIT, state: 'attached' });
    await page.selectOption('#clone', 'a1');
    await page.selectOption('#voice', 'flite/slt');
    await type(page, 'hello');
    await turns(page, 1);
    assert.match(server.upgrades[0].url, /model=a1/);
    assert.equal(sent(server, 'session.update')[0].session.audio.output.voice, 'flite/slt');
    assert.equal(await page.textContent('.clone .who'), 'Ada');
    await page.selectOption('#voice', 'kokoro/bf_emma');
    while (sent(server, 'session.update').length < 2) await page.waitForTimeout(20);
    assert.equal(sent(server, 'session.update')[1].session.audio.output.voice, 'kokoro/bf_emma');
  });
});

test('the clone that is there from the start is chosen, and called Repartee', async () => {
  await onPage({ in: silentBrowser, mock: { greeting: false } }, async (page, server) => {
    await page.waitForSelector('#clone option[value="d0"]', { ...WAIT, state: 'attached' });
    assert.deepEqual(await page.locator('#clone option').allTextContents(), ['Ada', 'Repartee']);
    await type(page, 'hello');
    await turns(page, 1);
    assert.match(server.upgrades[0].url, /model=d0/);
    assert.equal(await page.textContent('.clone .who'), 'Repartee');
  });
});

test('mute silences what is sent, and says so', async () => {
  await onPage({ mock: { greeting: false, hears: false } }, async (page) => {
    await page.click('#talk');
    await stateIs(page, 'idle');
    await page.click('#mute');
    await stateIs(page, 'muted');
    assert.equal(await page.getAttribute('#mute', 'aria-pressed'), 'true');
    await page.click('#mute');
    await stateIs(page, 'idle');
    await page.click('#talk');
    await stateIs(page, 'off');
  });
});

test('everything can be done with the keyboard', async () => {
  await onPage({ mock: { greeting: false, hears: false } }, async (page) => {
    const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.textContent);
    for (const wanted of ['Repartee', 'Talk', 'Clones', 'Knowledge', 'History', 'account-link', 'talk']) {
      await page.keyboard.press('Tab');
      assert.equal(await focused(), wanted);
    }
    await page.keyboard.press('Enter');
    await stateIs(page, 'idle');
    const reached = [];
    for (let i = 0; i < 9; i++) {
      await page.keyboard.press('Tab');
      reached.push(await page.evaluate(() => document.activeElement.id || document.activeElement.tagName));
    }
    for (const id of ['mute', 'voice', 'api-key', 'message']) assert.ok(reached.includes(id), `${id} in ${reached}`);
  });
});

test('the captions follow the conversation until one scrolls back, and the way to the end is one key', async () => {
  await onPage({ in: silentBrowser, mock: { greeting: false }, page: { viewport: { width: 360, height: 640 } } }, async (page) => {
    const scrollTo = (top) => page.evaluate((wanted) => (document.querySelector('.scroll').scrollTop = wanted), top);
    const below = () => page.evaluate(() => {
      const box = document.querySelector('.scroll');
      return Math.round(box.scrollHeight - box.scrollTop - box.clientHeight);
    });
    await type(page, 'a'.repeat(400));
    await turns(page, 1);
    await type(page, 'interrupt');
    await turns(page, 2);
    assert.equal(await below(), 0);
    await page.setViewportSize({ width: 360, height: 500 });
    await page.waitForFunction(() => document.body.clientHeight === 500, null, WAIT);
    await page.waitForTimeout(100);
    assert.equal(await below(), 0, 'a keyboard coming up loses nothing');
    await scrollTo(0);
    await page.waitForSelector('#latest:visible', WAIT);
    await type(page, 'more');
    await turns(page, 3);
    assert.ok(await below() > 100, 'somebody who reads is left alone');
    await page.focus('#latest');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#latest', { ...WAIT, state: 'hidden' });
    assert.equal(await below(), 0);
  });
});

/** Runs in the page: texts whose contrast with what is behind them is below WCAG AA. */
function faintTexts() {
  const luminance = (colour) => {
    const [r, g, b] = colour.match(/[\d.]+/g).map((part) => part / 255).map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    const { backgroundColor } = getComputedStyle(node);
    return backgroundColor === 'rgba(0, 0, 0, 0)' ? behind(node.parentElement) : backgroundColor;
  };
  const faint = [];
  for (const node of document.querySelectorAll('body *')) {
    const text = [...node.childNodes].filter((child) => child.nodeType === Node.TEXT_NODE).map((child) => child.data).join('').trim();
    if (!(text || node.placeholder) || node.disabled || !node.checkVisibility() || node.closest('select')) continue;
    const [a, b] = [luminance(getComputedStyle(node, text ? null : '::placeholder').color), luminance(behind(node))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) faint.push(`${node.className || node.id || node.tagName} “${text || node.placeholder}”: ${ratio.toFixed(2)}`);
  }
  return faint;
}

for (const colorScheme of ['light', 'dark']) {
  test(`every text can be read: ${colorScheme}, with motion reduced`, async () => {
    await onPage({ in: silentBrowser, mock: { greeting: false }, page: { colorScheme, reducedMotion: 'reduce' } }, async (page) => {
      await type(page, 'interrupt');
      await page.waitForSelector('.word.sounding', WAIT);
      assert.deepEqual(await page.evaluate(faintTexts), []);
      await turns(page, 1);
      await page.waitForSelector('.word.unheard', WAIT);
      await type(page, 'fail');
      await page.waitForSelector('#notice:visible', WAIT);
      assert.deepEqual(await page.evaluate(faintTexts), []);
      const ring = () => page.evaluate(() => document.querySelector('#ring').toDataURL());
      const before = await ring();
      await page.waitForTimeout(200);
      assert.equal(await ring(), before, 'the ring stands still');
    });
  });
}

test('on a phone nothing runs out of the screen', async () => {
  await onPage({ in: silentBrowser, mock: { greeting: false }, page: { viewport: { width: 360, height: 640 } } }, async (page) => {
    await type(page, 'a'.repeat(200));
    await turns(page, 1);
    const { inner, content, composer } = await page.evaluate(() => ({
      inner: innerWidth, content: document.documentElement.scrollWidth, composer: document.querySelector('#composer').getBoundingClientRect().bottom,
    }));
    assert.ok(content <= inner, `${content} px wide`);
    assert.ok(composer <= 640, 'the message field is in sight');
  });
});
