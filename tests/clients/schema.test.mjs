// The committed schema is what the pinned version of npm `openai` gives, and what is validated has an answer of its own.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { generate, schemaPath } from './schema/generate.mjs';
import { violation } from './support/schemas.mjs';

test('the committed schema is up to date', () => {
  assert.equal(readFileSync(schemaPath, 'utf8'), generate(), 'stale: npm run schema');
});

test('right events are right and wrong ones wrong', () => {
  assert.equal(violation({ type: 'input_audio_buffer.cleared', event_id: 'e' }), undefined);
  assert.match(violation({ type: 'input_audio_buffer.cleared' }), /event_id/);
  assert.match(violation({ type: 'input_audio_buffer.cleared', event_id: 'e', more: 1 }), /additional/);
  assert.match(violation({ type: 'no.such.event' }), /no event/);
  assert.equal(violation({ type: 'repartee.state', event_id: 'e', from: 'idle', to: 'listening', turn_index: 0, at_ms: 1 }), undefined);
  assert.match(violation({ type: 'repartee.state', event_id: 'e', from: 'idle', to: 'asleep', turn_index: 0, at_ms: 1 }), /to/);
});
