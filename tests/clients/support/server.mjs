// The server behind TLS, with its database, real recognition, the plain voice, and somebody else's language model.
import { once } from 'node:events';
import { request } from 'node:https';
import { ServerProcess } from '../../support/server_process.mjs';

export class Server extends ServerProcess {
  constructor({ dataDirectory, certificate, llmBaseUrl }) {
    super(dataDirectory);
    Object.assign(this, { certificate, llmBaseUrl });
  }

  async start() {
    const { cert, key } = this.certificate;
    const environment = { REPARTEE_TTS_PROVIDER: 'flite', REPARTEE_LLM_OPENAI_BASE_URL: this.llmBaseUrl, REPARTEE_LLM_OPENAI_MODEL: 'fake' };
    await this.launch(['--tls-cert', cert, '--tls-key', key], environment);
    this.baseUrl = `https://127.0.0.1:${this.port}/v1`;
    return this;
  }

  async isReady() {
    return (await this.get('/ready')).status === 200;
  }

  async get(path) {
    const answer = request({ host: '127.0.0.1', port: this.port, path, ca: this.certificate.ca }).end();
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
}
