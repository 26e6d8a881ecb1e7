// The built server (REPARTEE_BIN) as a process of its own, with its database, real recognition and the plain voice.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));
const READY_MS = 180000; // a cold machine makes a database cluster and loads models
const STOP_MS = 20000;

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

export class Server {
  log = '';
  constructor({ dataDirectory, certificate, llmBaseUrl }) {
    if (!process.env.REPARTEE_BIN) throw new Error('REPARTEE_BIN must name the built server');
    Object.assign(this, { dataDirectory, certificate, llmBaseUrl });
  }

  async start() {
    this.port = await freePort();
    this.baseUrl = `https://localhost:${this.port}/v1`;
    const { cert, key } = this.certificate;
    const options = ['serve', '--listen', `127.0.0.1:${this.port}`, '--data-dir', this.dataDirectory, '--tls-cert', cert, '--tls-key', key];
    this.process = spawn(process.env.REPARTEE_BIN, options, {
      cwd: REPOSITORY, stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, REPARTEE_TTS_PROVIDER: 'flite', REPARTEE_LLM_OPENAI_BASE_URL: this.llmBaseUrl, REPARTEE_LLM_OPENAI_MODEL: 'fake' },
    });
    for (const stream of [this.process.stdout, this.process.stderr]) stream.on('data', (text) => (this.log = (this.log + text).slice(-20000)));
    this.exited = once(this.process, 'exit');
    const deadline = Date.now() + READY_MS;
    while ((await this.get('/ready').catch(() => ({}))).status !== 200) {
      if (this.process.exitCode !== null || Date.now() > deadline) throw new Error(`the server did not become ready:\n${this.log}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    return this;
  }

  async get(path) {
    const answer = request({ host: 'localhost', port: this.port, path, ca: this.certificate.ca }).end();
    const [response] = await once(answer, 'response');
    let body = '';
    for await (const piece of response) body += piece;
    return { status: response.statusCode, body };
  }

  async turns(sessionId) {
    const { status, body } = await this.get(`/api/v1/sessions/${sessionId}/turns`);
    if (status !== 200) throw new Error(`turns of ${sessionId}: ${status} ${body}`);
    return JSON.parse(body).turns;
  }

  async stop() {
    if (!this.process || this.process.exitCode !== null || this.process.signalCode !== null) return;
    this.process.kill('SIGTERM');
    const late = setTimeout(() => this.process.kill('SIGKILL'), STOP_MS);
    await this.exited;
    clearTimeout(late);
  }
}
