// What the tests of both clients share: the server, its language model, and waiting.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { selfSigned } from './certificate.mjs';
import { FakeLlm } from './fake_llm.mjs';
import { Server } from './server.mjs';

const WAIT_MS = 60000;

const userText = (request) => request.messages.filter((message) => message.role === 'user').at(-1)?.content ?? '';
const LONG_STORY = 'Once upon a time there was a robot that walked and walked over the hills. It counted every step it took on its way. '
  .concat('When it came to the sea it turned around and walked back again. That is the whole story of the robot, and it took a long while.');

/** "Go forward" is done by the tools that are offered; numbers get a long story, which can be interrupted. */
export function robot(request) {
  const last = request.messages.at(-1);
  if (last.role === 'tool') return { text: 'I went forward as you said.' };
  if (/forward/i.test(userText(request)) && request.tools?.length) {
    const toolCalls = [{ id: 'call_move', name: 'move', arguments: '{"direction":"forward","meters":10}' }];
    if (request.tools.some((tool) => tool.function.name === 'look')) toolCalls.push({ id: 'call_look', name: 'look', arguments: '{}' });
    return { toolCalls };
  }
  return { text: LONG_STORY };
}

export async function world() {
  const directory = mkdtempSync(join(tmpdir(), 'repartee-clients-'));
  const certificate = selfSigned(directory);
  const llm = await new FakeLlm(robot).start();
  const server = await new Server({ dataDirectory: join(directory, 'data'), certificate, llmBaseUrl: llm.baseUrl }).start();
  const end = async () => {
    await server.stop();
    llm.stop();
    rmSync(directory, { recursive: true, force: true });
  };
  return { certificate, llm, server, end };
}

/** Asks `condition` until it answers with something. */
export async function until(what, condition) {
  const deadline = Date.now() + WAIT_MS;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The row as the database has it; it may come a moment after its event. */
export const storedTurn = (server, sessionId, condition) => until('the turn in the database', async () => (await server.turns(sessionId)).find(condition));
