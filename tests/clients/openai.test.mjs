// npm `openai`, unchanged: OpenAIRealtimeWS over TLS holds a spoken conversation, with tools and an interruption.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import { storedTurn, until, world } from './support/conversation.mjs';
import { declaredEvents, Validated } from './support/schemas.mjs';
import { goForward, Microphone, numbers } from './support/speech.mjs';

const TOOLS = [
  { type: 'function', name: 'move', description: 'moves the robot', parameters: { type: 'object', properties: { direction: { type: 'string' }, meters: { type: 'number' } } } },
  { type: 'function', name: 'look', description: 'tells what the robot sees' },
];

let world_;
const validated = new Validated();
before(async () => {
  world_ = await world();
});
after(() => world_?.end());

async function connect() {
  const client = new OpenAI({ apiKey: 'sk-anything', baseURL: world_.server.baseUrl });
  const realtime = new OpenAIRealtimeWS({ model: 'gpt-realtime', options: { ca: world_.certificate.ca } }, client);
  const events = [];
  realtime.on('event', (event) => {
    validated.take(event);
    events.push(event);
  });
  const errors = [];
  realtime.on('error', (error) => errors.push(error));
  const of = (type) => events.filter((event) => event.type === type);
  const next = (type, count = 1) => until(`${count} ${type}; ${errors.map((error) => error.message)} ${world_.server.log.slice(-2000)}`, () => of(type)[count - 1]);
  await next('session.created');
  return { realtime, events, errors, of, next, session: (await next('repartee.session')).session_id };
}

const append = (realtime) => (frame) => realtime.send({ type: 'input_audio_buffer.append', audio: frame.toString('base64') });

test('a spoken order is done by parallel tools, whose results are spoken', { timeout: 180000 }, async () => {
  const { realtime, of, next, errors, session } = await connect();
  realtime.send({ type: 'session.update', session: { type: 'realtime', instructions: 'You are a robot.', tools: TOOLS, audio: { output: { voice: 'alloy' } } } });
  assert.equal((await next('session.updated')).session.tools.length, 2);
  const microphone = new Microphone(append(realtime));
  microphone.say(goForward());

  const transcript = await next('conversation.item.input_audio_transcription.completed');
  assert.match(transcript.transcript, /forward/i);
  const called = (await next('response.done')).response;
  assert.equal(called.status, 'completed');
  assert.deepEqual(called.output.map((item) => [item.type, item.name, item.status]), [['function_call', 'move', 'completed'], ['function_call', 'look', 'completed']]);
  assert.deepEqual(JSON.parse(called.output[0].arguments), { direction: 'forward', meters: 10 });
  for (const item of called.output)
    realtime.send({ type: 'conversation.item.create', item: { type: 'function_call_output', call_id: item.call_id, output: `${item.name} done` } });
  realtime.send({ type: 'response.create', response: { metadata: { client_event_id: 'mine' } } });
  assert.deepEqual((await next('response.created', 2)).response.metadata, { client_event_id: 'mine' });

  const answered = (await next('response.done', 2)).response;
  assert.match(answered.output[0].content[0].transcript, /went forward/);
  assert.ok(of('response.output_audio.delta').reduce((bytes, event) => bytes + Buffer.from(event.delta, 'base64').length, 0) > 24000, 'it was heard');
  const asked = world_.llm.requests.at(-1).messages;
  assert.deepEqual(asked.slice(-2).map((message) => [message.role, message.content]), [['tool', 'move done'], ['tool', 'look done']]);
  const row = await storedTurn(world_.server, session, (turn) => turn.turn_index === 0);
  assert.deepEqual(row.tool_calls.map((call) => [call.name, call.output]), [['move', 'move done'], ['look', 'look done']]);
  assert.match(row.heard_response, /went forward/);
  microphone.close();
  realtime.close();
  assert.deepEqual(errors, []);
});

test('speech over a reply cuts it, and the history keeps what was heard', { timeout: 180000 }, async () => {
  const { realtime, next, session, of } = await connect();
  const microphone = new Microphone(append(realtime));
  microphone.say(numbers());
  await next('response.output_audio.delta', 10);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  microphone.say(goForward());
  const done = (await next('response.done')).response;
  assert.equal(done.status, 'cancelled');
  assert.equal(done.status_details.reason, 'turn_detected');
  const truncated = await next('conversation.item.truncated');
  assert.equal(truncated.item_id, done.output[0].id);
  const row = await storedTurn(world_.server, session, (turn) => turn.turn_index === 0);
  assert.equal(row.status, 'interrupted');
  assert.ok(row.heard_response.length > 0 && row.heard_response.length < row.llm_response.length);
  await until('the next question', () => of('conversation.item.input_audio_transcription.completed').some((event) => /forward/i.test(event.transcript)));
  microphone.close();
  realtime.close();
});

test('text is typed and read, an error names what was wrong, and the session goes on', { timeout: 60000 }, async () => {
  const { realtime, next, errors } = await connect();
  realtime.send({ type: 'conversation.item.retrieve', item_id: 'nobody', event_id: 'my_event' });
  await until('the error', () => errors.length);
  assert.equal(errors[0].error.event_id, 'my_event');
  assert.equal(errors[0].error.code, 'item_not_found');
  realtime.send({ type: 'session.update', session: { type: 'realtime', output_modalities: ['text'] } });
  realtime.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Tell me a story.' }] } });
  realtime.send({ type: 'response.create' });
  assert.match((await next('response.output_text.done')).text, /Once upon a time/);
  assert.equal((await next('response.done')).response.status, 'completed');
  realtime.close();
});

test('every event was as OpenAI declares it', () => {
  assert.deepEqual(validated.violations, []);
  assert.ok(validated.seen.size > 20);
  console.log(`# ${validated.seen.size} of ${declaredEvents().length} declared server events were received and validated: ${[...validated.seen.keys()].sort().join(', ')}`);
});
