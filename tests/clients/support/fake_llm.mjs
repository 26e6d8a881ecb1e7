// An OpenAI-compatible language model that answers as `answer(request)` says: {text} or {toolCalls: [{id, name, arguments}]}, streamed.
import { once } from 'node:events';
import { createServer } from 'node:http';

export class FakeLlm {
  requests = [];
  constructor(answer) {
    this.answer = answer;
  }

  async start() {
    this.server = createServer((request, response) => this.#serve(request, response)).listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    this.baseUrl = `http://127.0.0.1:${this.server.address().port}/v1`;
    return this;
  }

  async #serve(request, response) {
    let body = '';
    for await (const piece of request) body += piece;
    const asked = JSON.parse(body);
    this.requests.push(asked);
    const { text = '', toolCalls = [] } = this.answer(asked);
    const event = (delta, finish_reason = null) => response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason }] })}\n\n`);
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    for (const word of text.match(/\S+\s*/g) ?? []) event({ content: word });
    toolCalls.forEach((call, index) => {
      event({ tool_calls: [{ index, id: call.id, type: 'function', function: { name: call.name, arguments: '' } }] });
      for (let at = 0; at < call.arguments.length; at += 5) event({ tool_calls: [{ index, function: { arguments: call.arguments.slice(at, at + 5) } }] });
    });
    event({}, toolCalls.length ? 'tool_calls' : 'stop');
    response.end('data: [DONE]\n\n');
  }

  stop() {
    this.server?.closeAllConnections();
    this.server?.close();
  }
}
