// Takes the README's pictures of a real conversation with the built server (REPARTEE_BIN): somebody speaks, interrupts the reply, and is
// answered again.   REPARTEE_BIN=../../build/release/repartee node support/take_picture.mjs [DIRECTORY]
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openBrowser, openPage, stateIs } from './browser.mjs';
import { RealServer } from './real_server.mjs';
import { asBase64, installSpeakingMicrophone, recorded } from './speech.mjs';

const PICTURES = process.argv[2] ?? fileURLToPath(new URL('../../../docs/images/', import.meta.url));
const WAIT = { timeout: 60000 };
const FIRST = recorded('librivox/sense_and_sensibility_01_austen_64kb-0880.wav'); // "He was not an ill-disposed young man."
const INTERRUPTION = recorded('cards/001.wav'); // "Ten of clubs."
const HEARD_BEFORE_INTERRUPTION_WORDS = 7;
const HEARD_BEFORE_PICTURE_WORDS = 9;

async function converse(page) {
  const say = (speech) => page.evaluate((base64) => window.testMicrophone(base64), asBase64(speech));
  const replyIsHeard = (reply, words) => page.waitForSelector(`.entry.clone >> nth=${reply} >> .word.begun >> nth=${words - 1}`, WAIT);
  await page.click('#talk');
  await page.waitForSelector('.waterfall', WAIT);
  await stateIs(page, 'idle');
  await page.mouse.move(0, 0);
  await say(FIRST);
  await replyIsHeard(1, HEARD_BEFORE_INTERRUPTION_WORDS);
  await say(INTERRUPTION);
  await page.waitForSelector('.waterfall >> nth=1', WAIT);
  await replyIsHeard(2, HEARD_BEFORE_PICTURE_WORDS);
}

async function takePicture(server, name, options) {
  const browser = await openBrowser();
  const { page } = await openPage(browser, server.url, { prepare: installSpeakingMicrophone, ...options });
  await converse(page);
  await page.screenshot({ path: join(PICTURES, name) });
  await browser.close();
}

mkdirSync(PICTURES, { recursive: true });
const directory = mkdtempSync(join(tmpdir(), 'repartee-picture-'));
const server = await new RealServer(join(directory, 'data')).start();
try {
  await takePicture(server, 'page.png', { colorScheme: 'light', viewport: { width: 1280, height: 860 } });
  await takePicture(server, 'page-phone.png', { colorScheme: 'dark', viewport: { width: 390, height: 844 } });
} finally {
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
}
