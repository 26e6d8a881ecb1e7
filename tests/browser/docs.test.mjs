// The page to read and try the HTTP interface, in a real browser, with the real description and a server that answers two of its operations.
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openBrowser } from './support/browser.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TYPES = { '.html': 'text/html; charset=utf-8', '.css': 'text/css', '.js': 'text/javascript', '.svg': 'image/svg+xml' };
const POLICY = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; media-src 'self' blob:";
let browser, server, url, description;
const received = [];

async function mergedDescription() {
  const merge = (into, from) => {
    for (const [key, value] of Object.entries(from)) {
      if (Array.isArray(value)) into[key] = [...(into[key] ?? []), ...value];
      else if (value && typeof value === 'object') into[key] = merge(into[key] ?? {}, value);
      else into[key] = value;
    }
    return into;
  };
  const folder = join(ROOT, 'api/openapi');
  let all = {};
  for (const name of (await readdir(folder)).sort()) all = merge(all, JSON.parse(await readFile(join(folder, name), 'utf8')));
  return all;
}

async function answer(request, response) {
  const { pathname } = new URL(request.url, 'http://docs');
  const json = (status, body) => response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
  if (pathname === '/api/v1/openapi.json') return json(200, description);
  if (pathname.startsWith('/api/')) {
    let body = '';
    for await (const chunk of request) body += chunk;
    received.push({ method: request.method, url: request.url, key: request.headers.authorization, type: request.headers['content-type'], body });
    return request.method === 'POST' ? json(400, { error: { message: 'name <b>is</b> missing' } }) : json(200, { echos: [], count: 0 });
  }
  const file = join(ROOT, 'web', pathname === '/docs' ? 'docs.html' : pathname);
  try {
    response.writeHead(200, { 'Content-Type': TYPES[extname(file)], 'Content-Security-Policy': POLICY }).end(await readFile(file));
  } catch {
    response.writeHead(404).end();
  }
}

before(async () => {
  description = await mergedDescription();
  server = createServer(answer);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${server.address().port}/docs`;
  browser = await openBrowser();
});
after(async () => {
  await browser.close();
  server.closeAllConnections();
  server.close();
});

async function onPage(options, body) {
  const context = await browser.newContext({ viewport: { width: 1000, height: 800 }, ...options });
  const page = await context.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => /status of 400/.test(message.text()) || errors.push(message.text()));
  await page.goto(url + (options.hash ?? ''));
  await page.waitForSelector('details.operation');
  await body(page);
  assert.deepEqual(errors, []);
  await context.close();
}

test('every operation of the description is there, and the filter finds them', () =>
  onPage({}, async (page) => {
    const wanted = Object.values(description.paths).reduce((sum, item) => sum + Object.keys(item).length, 0);
    assert.equal(await page.locator('details.operation').count(), wanted);
    await page.fill('#filter', 'post restore');
    assert.deepEqual(await page.locator('details.operation:visible .path').allTextContents().then((paths) => paths.filter((path) => path.includes('/echo/'))), ['/api/v1/echo/{id}/restore']);
  }));

test('by keyboard alone an operation is opened, filled in and sent with the key', () =>
  onPage({}, async (page) => {
    received.length = 0;
    await page.focus('#key');
    await page.keyboard.type('sk-test');
    await page.locator('#listEchos > summary').focus();
    await page.keyboard.press('Enter');
    await page.locator('#listEchos').getByLabel('limit').focus();
    await page.keyboard.type('7');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#listEchos .answer pre');
    assert.deepEqual(received.map(({ method, url: asked, key }) => [method, asked, key]), [['GET', '/api/v1/echo?limit=7', 'Bearer sk-test']]);
    assert.match(await page.locator('#listEchos .answer').innerText(), /200 OK[\s\S]*content-type: application\/json[\s\S]*"count": 0/);
  }));

test('a body begins as the example, goes out as JSON, and what is answered is shown as text', () =>
  onPage({ hash: '#createEcho', colorScheme: 'dark' }, async (page) => {
    received.length = 0;
    const body = page.locator('#createEcho').getByLabel('JSON body');
    assert.equal(JSON.parse(await body.inputValue()).name, 'Ada');
    await page.locator('#createEcho').getByRole('button', { name: 'Send' }).click();
    await page.waitForSelector('#createEcho .answer.failed');
    assert.equal(received[0].type, 'application/json');
    assert.equal(JSON.parse(received[0].body).name, 'Ada');
    assert.match(await page.locator('#createEcho .answer').innerText(), /400[\s\S]*name <b>is<\/b> missing/);
    assert.equal(await page.locator('#createEcho .answer b').count(), 0);
    if (process.env.REPARTEE_PICTURES) await page.screenshot({ path: `${process.env.REPARTEE_PICTURES}/docs-dark.png` });
  }));

test('on a phone nothing is wider than the screen', () =>
  onPage({ hash: '#listSessions', viewport: { width: 360, height: 740 } }, async (page) => {
    await page.waitForSelector('#listSessions .try');
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    if (process.env.REPARTEE_PICTURES) await page.screenshot({ path: `${process.env.REPARTEE_PICTURES}/docs-phone.png` });
  }));
