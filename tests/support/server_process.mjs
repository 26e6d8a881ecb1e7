// The built server (REPARTEE_BIN) as a process of its own on a free port, for the tests that run in node: its log kept, ended when they end.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));
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

// Derive from it: isReady() asks the server, in whatever way it can be reached.
export class ServerProcess {
  log = '';
  constructor(dataDirectory) {
    if (!process.env.REPARTEE_BIN) throw new Error('REPARTEE_BIN must name the built server');
    this.dataDirectory = dataDirectory;
  }

  // A server that is started again keeps its port.
  async launch(options = [], environment = {}) {
    this.port ??= await freePort();
    const all = ['serve', '--listen', `127.0.0.1:${this.port}`, '--data-dir', this.dataDirectory, ...options];
    const started = spawn(process.env.REPARTEE_BIN, all, { cwd: REPOSITORY, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } });
    this.process = started;
    for (const stream of [started.stdout, started.stderr]) stream.on('data', (text) => (this.log = (this.log + text).slice(-20000)));
    this.exited = once(started, 'exit');
    const deadline = Date.now() + READY_MS;
    while (!(await this.isReady().catch(() => false))) {
      if (started.exitCode !== null || Date.now() > deadline) throw new Error(`the server did not become ready:\n${this.log}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    return this;
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
