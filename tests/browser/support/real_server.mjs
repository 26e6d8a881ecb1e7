// Starts the built server (REPARTEE_BIN) with a data directory of its own, and waits until it can talk.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
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

export class RealServer {
  constructor(dataDirectory) {
    if (!process.env.REPARTEE_BIN) throw new Error('REPARTEE_BIN must name the built server');
    this.dataDirectory = dataDirectory;
    this.log = '';
  }

  async start() {
    this.port ??= await freePort();
    this.url = `http://127.0.0.1:${this.port}/`;
    const process_ = spawn(process.env.REPARTEE_BIN, ['serve', '--listen', `127.0.0.1:${this.port}`, '--data-dir', this.dataDirectory], {
      cwd: REPOSITORY, stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.process = process_;
    for (const stream of [process_.stdout, process_.stderr]) stream.on('data', (text) => (this.log = (this.log + text).slice(-20000)));
    this.exited = once(process_, 'exit');
    const deadline = Date.now() + READY_MS;
    while (!(await this.ready())) {
      if (process_.exitCode !== null || Date.now() > deadline) throw new Error(`the server did not become ready:\n${this.log}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    return this;
  }

  async ready() {
    try {
      return (await fetch(`${this.url}ready`)).ok;
    } catch {
      return false;
    }
  }

  async json(path) {
    const response = await fetch(new URL(path, this.url));
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  async kill() {
    this.process.kill('SIGKILL');
    await this.exited;
  }

  async stop() {
    if (!this.process || this.process.exitCode !== null || this.process.signalCode !== null) return;
    this.process.kill('SIGTERM');
    const late = setTimeout(() => this.process.kill('SIGKILL'), STOP_MS);
    await this.exited;
    clearTimeout(late);
  }
}
