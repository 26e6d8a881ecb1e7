// Starts the distribution's Chromium with a fake microphone.
import { chromium } from 'playwright-core';

const ARGUMENTS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--use-fake-device-for-media-stream', '--autoplay-policy=no-user-gesture-required',
];

/** microphone: a WAV file that is played once, "beep" (the browser's own test tone), or null: permission is refused. */
export async function openBrowser({ microphone = 'beep', args = [] } = {}) {
  const extra = microphone === null ? ['--deny-permission-prompts'] : ['--use-fake-ui-for-media-stream'];
  if (microphone && microphone !== 'beep') extra.push(`--use-file-for-fake-audio-capture=${microphone}%noloop`);
  return chromium.launch({ executablePath: process.env.REPARTEE_CHROMIUM ?? '/usr/bin/chromium', args: [...ARGUMENTS, ...extra, ...args] });
}

/**
 * prepare: a function to run in the page before its own code. `errors`: the page's own, and every line in its console, for the caller
 * to check; a good page says nothing. networkFails: the browser's lines about failed connections are expected.
 */
export async function openPage(browser, url, { prepare, networkFails = false, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 800 }, ...options });
  if (prepare) await context.addInitScript(prepare);
  const page = await context.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => {
    if (networkFails && /WebSocket connection|Failed to load resource/.test(message.text())) return;
    errors.push(`${message.type()}: ${message.text()}`);
  });
  await page.goto(url);
  await page.waitForFunction(() => window.repartee?.codecs);
  return { page, errors };
}

export const stateIs = (page, ...states) => page.waitForFunction((wanted) => wanted.includes(document.body.dataset.state), states);
