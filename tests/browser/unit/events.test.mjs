import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Captions } from '../../../web/js/captions.js';
import { ServerEvents } from '../../../web/js/events.js';

function listener() {
  const log = [];
  const names = ['begin', 'end', 'audio', 'cut', 'created', 'updated', 'resumable', 'state', 'turn', 'complain', 'busy'];
  const effects = Object.fromEntries(names.map((name) => [name, (...values) => log.push([name, ...values])]));
  const captions = new Captions();
  return { events: new ServerEvents(captions, effects), captions, log };
}

test('speech_started silences the reply before anything else', () => {
  const { events, captions, log } = listener();
  events.handle({ type: 'input_audio_buffer.speech_started', item_id: 'u' });
  assert.deepEqual(log, [['cut']]);
  assert.equal(captions.entries[0].side, 'user');
});

test('a cancelled response silences its audio', () => {
  const { events, log } = listener();
  events.handle({ type: 'response.created', response: { id: 'r' } });
  assert.equal(events.replying, true);
  events.handle({ type: 'response.done', response: { status: 'cancelled', output: [{ id: 'a' }] } });
  assert.equal(events.replying, false);
  assert.ok(log.some(([name]) => name === 'cut'));
});

test('a failed response is told', () => {
  const { events, log } = listener();
  events.handle({ type: 'response.done', response: { status: 'failed', status_details: { error: { message: 'too slow' } }, output: [] } });
  assert.deepEqual(log, [['complain', 'too slow']]);
});

test('an error is told, unless the page can settle it by itself', () => {
  const { events, log } = listener();
  for (const code of ['conversation_already_has_active_response', 'response_cancel_not_active', 'invalid_value']) {
    events.handle({ type: 'error', error: { code, message: code } });
  }
  assert.deepEqual(log, [['busy'], ['complain', 'invalid_value']]);
});

test('audio in JSON is played too, but not for an item that was cut', () => {
  const { events, log } = listener();
  events.handle({ type: 'response.output_audio.delta', item_id: 'a', delta: 'AAA=' });
  events.cutItems.add('a');
  events.handle({ type: 'response.output_audio.delta', item_id: 'a', delta: 'AAA=' });
  assert.deepEqual(log.map(([name]) => name), ['begin', 'audio']);
});

test('function calls and unknown events are left alone', () => {
  const { events, captions, log } = listener();
  events.handle({ type: 'response.output_item.added', item: { id: 'f', type: 'function_call' } });
  events.handle({ type: 'something.new' });
  for (const type of ['toString', '__proto__', 'constructor']) events.handle({ type });
  assert.deepEqual(log, []);
  assert.deepEqual(captions.entries, []);
});

test('what was typed is shown when the server has it', () => {
  const { events, captions } = listener();
  events.handle({ type: 'conversation.item.added', item: { id: 't', type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] } });
  assert.equal(captions.entries[0].text, 'hi');
});

test('the whole row may stand in the event or under turn', () => {
  const { events, log } = listener();
  events.handle({ type: 'repartee.turn', turn_index: 1 });
  events.handle({ type: 'repartee.turn', turn: { turn_index: 2 } });
  assert.deepEqual(log.map(([, row]) => row.turn_index), [1, 2]);
});

test('a reply in writing is complete at once', () => {
  const { events, captions } = listener();
  events.handle({ type: 'response.output_text.delta', item_id: 'a', delta: 'Hi' });
  events.handle({ type: 'response.output_text.done', item_id: 'a', text: 'Hi.' });
  assert.equal(captions.entries[0].finished, true);
  assert.equal(captions.entries[0].text, 'Hi.');
});
