// npm `@openai/agents-realtime`, unchanged: an agent with a tool is spoken to, and interrupted.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession, tool } from '@openai/agents-realtime';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { storedTurn, until, world } from './support/conversation.mjs';
import { declaredEvents, Validated } from './support/schemas.mjs';
import { goForward, Microphone, numbers } from './support/speech.mjs';

let world_;
const validated = new Validated();
before(async () => {
  world_ = await world();
});
after(() => world_?.end());

async function connect() {
  const moves = [];
  const move = tool({
    name: 'move',
    description: 'moves the robot',
    parameters: z.object({ direction: z.string(), meters: z.number() }),
    execute: async (arguments_) => {
      moves.push(arguments_);
      return 'the robot has moved';
    },
  });
  // Node trusts no self-made certificate: the client's own hook for making the socket is where one is named.
  const transport = new OpenAIRealtimeWebSocket({
    url: `wss://127.0.0.1:${world_.server.port}/v1/realtime?model=gpt-realtime`,
    useInsecureApiKey: true,
    createWebSocket: async ({ url, apiKey }) =>
      new WebSocket(url, ['realtime', `openai-insecure-api-key.${apiKey}`], { ca: world_.certificate.ca }),
  });
  const agent = new RealtimeAgent({ name: 'Robot', instructions: 'You are a robot.', tools: [move] });
  const session = new RealtimeSession(agent, { transport, model: 'gpt-realtime' });
  const events = [], errors = [], audio = [];
  transport.on('*', (event) => {
    validated.take(event);
    events.push(event);
  });
  session.on('error', (error) => errors.push(error));
  session.on('audio', (event) => audio.push(event));
  let interruptions = 0;
  session.on('audio_interrupted', () => interruptions++);
  const next = (type, count = 1) =>
    until(`${count} ${type}; ${JSON.stringify(errors)} ${world_.server.log.slice(-2000)}`, () => events.filter((event) => event.type === type)[count - 1]);
  await session.connect({ apiKey: 'sk-anything' });
  return { session, events, errors, audio, moves, next, interruptions: () => interruptions, id: (await next('repartee.session')).session_id };
}

const toArrayBuffer = (frame) => frame.buffer.slice(frame.byteOffset, frame.byteOffset + frame.byteLength);
const spokenBy = (session, role) => session.history.filter((item) => item.type === 'message' && item.role === role);

test('an agent hears an order, runs its tool, and speaks of the result', { timeout: 180000 }, async () => {
  const { session, events, audio, moves, next, errors, id } = await connect();
  await until('the wishes of the session', () => events.some((event) => event.type === 'session.updated' && event.session.audio.input.turn_detection.type === 'semantic_vad'));
  const microphone = new Microphone((frame) => session.sendAudio(toArrayBuffer(frame)));
  microphone.say(goForward());
  await until('the tool', () => moves.length);
  assert.deepEqual(moves, [{ direction: 'forward', meters: 10 }]);
  await next('response.done', 2);
  await until('the history', () => spokenBy(session, 'assistant').some((item) => /went forward/.test(item.content[0]?.transcript ?? '')));
  await until('what the user said', () => spokenBy(session, 'user').some((item) => /forward/i.test(item.content[0]?.transcript ?? '')));
  const calls = session.history.filter((item) => item.type === 'function_call');
  assert.deepEqual(calls.map((call) => [call.name, call.status, call.output]), [['move', 'completed', 'the robot has moved']]);
  assert.ok(audio.length > 0);
  const row = await storedTurn(world_.server, id, (turn) => turn.tool_calls.length > 0);
  assert.equal(row.tool_calls[0].output, 'the robot has moved');
  assert.equal(moves.length, 1, 'once');
  microphone.close();
  session.close();
  assert.deepEqual(errors, []);
});

test('an agent is interrupted, and its history says so', { timeout: 180000 }, async () => {
  const { session, next, audio, interruptions, id, moves, errors } = await connect();
  const microphone = new Microphone((frame) => session.sendAudio(toArrayBuffer(frame)));
  microphone.say(numbers());
  await until('its voice', () => audio.length > 10);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  microphone.say(goForward());
  await next('conversation.item.truncated');
  assert.ok(interruptions() >= 1);
  assert.equal((await next('response.done')).response.status, 'cancelled');
  const row = await storedTurn(world_.server, id, (turn) => turn.status === 'interrupted');
  assert.ok(row.heard_response.length < row.llm_response.length);
  await until('the next order', () => moves.length);
  await next('response.done', 3);
  microphone.close();
  session.close();
  assert.deepEqual(errors, []);
});

test('every event was as OpenAI declares it', () => {
  assert.deepEqual(validated.violations, []);
  console.log(`# ${validated.seen.size} of ${declaredEvents().length} declared server events were received and validated`);
});
