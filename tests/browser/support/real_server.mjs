// The server as a browser finds it: on loopback, with everything real.
import { ServerProcess } from '../../support/server_process.mjs';

export class RealServer extends ServerProcess {
  async start() {
    await this.launch();
    this.url = `http://127.0.0.1:${this.port}/`;
    return this;
  }

  async isReady() {
    return (await fetch(`http://127.0.0.1:${this.port}/ready`)).ok;
  }

  async json(path) {
    const response = await fetch(new URL(path, this.url));
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }
}
