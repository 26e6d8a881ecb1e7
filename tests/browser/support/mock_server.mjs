// Serves web/ and fakes the server behind it, for working on the page without the real one:
//   node support/mock_server.mjs [PORT]      then open the printed address; see mock_session.mjs for what can be typed
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MockApi } from './mock_api.mjs';
import { MockSession } from './mock_session.mjs';
import { acceptUpgrade, readFrames, sendBinary, sendClose, sendText } from './websocket_frames.mjs';

const WEB = fileURLToPath(new URL('../../../web/', import.meta.url));
const TYPES = { '.html': 'text/html; charset=utf-8', '.css': 'text/css', '.js': 'text/javascript', '.svg': 'image/svg+xml' };
export class MockServer {
  constructor(options = {}) {
    this.options = { greeting: true, opus: false, hears: true, refuse: false, ...options };
    this.received = []; // every JSON event of every client
    this.binaryFrames = 0;
    this.upgrades = []; // {url, protocols}
    this.sockets = new Set();
    this.api = new MockApi();
  }

  async listen(port = 0) {
    this.http = createServer((request, response) => this.answer(request, response));
    this.http.on('upgrade', (request, socket) => this.upgrade(request, socket));
    this.http.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
    await new Promise((resolve) => this.http.listen(port, '127.0.0.1', resolve));
    this.port = this.http.address().port;
    this.url = `http://127.0.0.1:${this.port}/`;
    return this;
  }

  async close() {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.http.close(resolve));
  }

  async answer(request, response) {
    const path = new URL(request.url, 'http://mock').pathname;
    if (path === '/ready' || path.startsWith('/api/')) return this.api.answer(request, response);
    const file = join(WEB, normalize(path === '/' ? '/index.html' : path));
    try {
      const body = await readFile(file);
      response.writeHead(200, { 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream', 'Content-Security-Policy': "default-src 'self'" }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  }

  upgrade(request, socket) {
    this.upgrades.push({ url: request.url, protocols: request.headers['sec-websocket-protocol'] });
    if (this.options.refuse) return socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n');
    acceptUpgrade(request, socket);
    const alive = (send) => (...values) => !socket.destroyed && socket.writable && send(socket, ...values);
    const session = new MockSession({
      text: alive(sendText), binary: alive(sendBinary), close: alive(sendClose), destroy: () => socket.destroy(),
    }, { ...this.options, greeting: this.options.greeting && request.url.includes('greeting=1') }, this.received);
    readFrames(socket, {
      text: (text) => session.text(text),
      binary: (bytes) => {
        this.binaryFrames++;
        session.binary(bytes);
      },
      close: () => {
        session.closed();
        socket.end();
      },
    });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const server = await new MockServer().listen(Number(process.argv[2] ?? 8090));
  console.log(server.url);
}
