// The main job, whole: a browser with a microphone in which a person speaks, the real server with real models, and its database.
// REPARTEE_BIN: the built server. REPARTEE_TEST_WAV (48 kHz) replaces the microphone's recording, REPARTEE_TEST_WORDS what is to be heard.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openBrowser, openPage, stateIs } from './support/browser.mjs';
import { RealServer } from './support/real_server.mjs';
import { asBase64, goForward, installSpeakingMicrophone, writeMicrophoneWav } from './support/speech.mjs';

const WAIT = { timeout: 60000 };
const WORDS = (process.env.REPARTEE_TEST_WORDS ?? 'forward ten').toLowerCase().split(/[\s,]+/);
const QUESTION = 'What is Repartee, and what can you do?';

let directory;
let server;

before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'repartee-browser-'));
  server = await new RealServer(join(directory, 'data')).start();
});
after(async () => {
  await server?.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** Runs `body` on a page of its own browser; on failure the page's text and the server's log go with the error. */
async function onPage({ microphone, prepare, networkFails }, body) {
  const browser = await openBrowser({ microphone });
  let page;
  try {
    const opened = await openPage(browser, server.url, { prepare, networkFails });
    page = opened.page;
    await body(page);
    assert.deepEqual(opened.errors, []);
  } catch (error) {
    const state = page ? await page.evaluate(() => `${document.body.dataset.state}\n${document.body.innerText}\n${JSON.stringify(window.repartee)}`) : 'no page';
    error.message += `\n--- page: ${state}\n--- server: ${server.log.slice(-4000)}`;
    throw error;
  } finally {
    await browser.close();
  }
}

/** Waits for a turn that fulfils `condition`; asked from here, because the page's policy forbids it to evaluate strings. */
async function turnWhere(page, condition) {
  const deadline = Date.now() + WAIT.timeout;
  for (;;) {
    const turn = (await page.evaluate(() => window.repartee.turns)).find(condition);
    if (turn) return turn;
    assert.ok(Date.now() < deadline, `no turn fulfils ${condition}`);
    await page.waitForTimeout(100);
  }
}

const holds = (text, words) => words.every((word) => (text ?? '').toLowerCase().includes(word));

/** The row as the database has it; it may come a moment after its event. */
async function storedTurn(sessionId, turnIndex) {
  for (let attempt = 0; ; attempt++) {
    const { turns } = await server.json(`/api/v1/sessions/${sessionId}/turns`);
    const row = turns.find((turn) => turn.turn_index === turnIndex);
    if (row) return row;
    assert.ok(attempt < 50, `turn ${turnIndex} is in the database; it has ${JSON.stringify(turns)}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function type(page, text) {
  await page.fill('#message', text);
  await page.press('#message', 'Enter');
}

test('somebody speaks, is understood, hears an answer, and the turn is in the database', { timeout: 180000 }, async () => {
  let microphone = process.env.REPARTEE_TEST_WAV;
  if (!microphone) {
    microphone = join(directory, 'go-forward.wav');
    writeMicrophoneWav(microphone, goForward(), { beforeS: 8, afterS: 60 });
  }
  await onPage({ microphone }, async (page) => {
    await page.click('#talk');
    const turn = await turnWhere(page, (candidate) => holds(candidate.user_transcript, WORDS));
    const captions = (await page.locator('.entry.user .text').allTextContents()).join(' ').toLowerCase();
    for (const word of WORDS) assert.ok(captions.includes(word), `“${word}” in the caption “${captions}”`);
    assert.ok(turn.llm_response.length > 0);
    assert.ok(turn.total_latency_ms > 0);
    assert.deepEqual(await page.locator('.waterfall').last().locator('dt').allTextContents(), ['Endpointing', 'Recognition', 'Model', 'Speech']);
    assert.equal(await page.locator('.entry.clone .who').first().textContent(), 'Repartee');

    const { nonSilentSamples, sessionId, codecs } = await page.evaluate(() => window.repartee);
    assert.deepEqual(codecs, { input: 'opus', output: 'opus' });
    assert.ok(nonSilentSamples > 24000, `${nonSilentSamples} audible samples`);

    const row = await storedTurn(sessionId, turn.turn_index);
    for (const field of ['user_transcript', 'llm_response', 'heard_response', 'status']) assert.equal(row[field], turn[field], field);
    assert.ok(row.endpointing_ms > 0 && row.tts_latency_ms > 0, JSON.stringify(row));
  });
});

test('typing works without a microphone, and the answer is heard', { timeout: 120000 }, async () => {
  await onPage({ microphone: null }, async (page) => {
    await page.click('#talk');
    await page.waitForSelector('#notice >> text=The microphone was refused', WAIT);
    await type(page, QUESTION);
    await page.waitForSelector(`.user >> text=${QUESTION}`, WAIT);
    const turn = await turnWhere(page, (candidate) => candidate.user_transcript === QUESTION && candidate.status === 'completed');
    const { nonSilentSamples, sessionId } = await page.evaluate(() => window.repartee);
    assert.ok(nonSilentSamples > 24000, `${nonSilentSamples} audible samples`);
    assert.equal((await storedTurn(sessionId, turn.turn_index)).llm_response, turn.llm_response);
  });
});

test('speaking into a reply cuts it off, and what was heard is kept', { timeout: 180000 }, async () => {
  await onPage({ prepare: installSpeakingMicrophone }, async (page) => {
    await page.click('#talk');
    await stateIs(page, 'idle', 'speaking', 'processing');
    await type(page, QUESTION);
    await page.waitForSelector(`.user:has-text(${JSON.stringify(QUESTION)}) + .clone .word.sounding`, WAIT);
    await page.evaluate((speech) => window.testMicrophone(speech), asBase64(goForward()));
    const turn = await turnWhere(page, (candidate) => candidate.user_transcript === QUESTION && candidate.status === 'interrupted');
    assert.ok(turn.heard_response.length < turn.llm_response.length, `heard “${turn.heard_response}” of “${turn.llm_response}”`);
    assert.ok(turn.llm_response.startsWith(turn.heard_response), 'what was heard is the beginning of what was said');

    const reply = page.locator('.entry.clone', { has: page.locator('.word.unheard') }).last();
    assert.equal(await reply.locator('.tag').textContent(), turn.heard_response ? 'interrupted' : 'interrupted before it was heard');
    assert.equal((await reply.locator('.word.begun').allTextContents()).join(' '), turn.heard_response.replace(/\s+/g, ' ').trim());

    const next = await turnWhere(page, (later) => later.turn_index > turn.turn_index && holds(later.user_transcript, ['forward']));
    assert.ok(next.llm_response.length > 0, 'the interruption itself is answered');
    const { sessionId } = await page.evaluate(() => window.repartee);
    const row = await storedTurn(sessionId, turn.turn_index);
    assert.equal(row.status, 'interrupted');
    assert.equal(row.heard_response, turn.heard_response);
  });
});

// Last: it kills the server.
test('when the server is killed the page says so, and connects again when it is back', { timeout: 300000 }, async () => {
  await onPage({ microphone: null, networkFails: true }, async (page) => {
    await type(page, QUESTION);
    await page.waitForSelector('.word.sounding', WAIT);
    const before_ = await page.evaluate(() => window.repartee.sessionId);
    await server.kill();
    await page.waitForSelector('#notice:has-text("The connection dropped.")', WAIT);
    await page.waitForSelector('#notice-action:has-text("Reconnect now")', WAIT);
    await server.start();
    if (await page.isVisible('#notice-action')) await page.click('#notice-action', { timeout: 1000 }).catch(() => {}); // it may come back by itself
    await page.waitForSelector('#notice', { ...WAIT, state: 'hidden' });
    await type(page, 'Thank you');
    await turnWhere(page, (candidate) => candidate.user_transcript === 'Thank you');
    assert.equal(await page.evaluate(() => window.repartee.sessionId), before_, 'the same conversation, from the database');
  });
});
