import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ATTEMPTS_MAX, retryDelayMs } from '../../../web/js/backoff.js';
import * as protocol from '../../../web/js/protocol.js';

test('the socket’s address follows the page’s', () => {
  assert.equal(protocol.socketUrl('http://127.0.0.1:8080/', {}), 'ws://127.0.0.1:8080/v1/realtime?model=default');
  assert.equal(protocol.socketUrl('https://voice.example/?audio=pcm', { model: 'Ada & Co', greeting: true }), 'wss://voice.example/v1/realtime?model=Ada+%26+Co&greeting=1');
  const resumed = new URL(protocol.socketUrl('http://h/', { model: 'x', resume: { sessionId: 's', token: 't', afterSeq: 7 } }));
  assert.deepEqual([...resumed.searchParams], [['model', 'x'], ['session_id', 's'], ['resume_token', 't'], ['after_seq', '7']]);
});

test('a key travels as a subprotocol', () => {
  assert.deepEqual(protocol.subprotocols(''), ['realtime']);
  assert.deepEqual(protocol.subprotocols('abc'), ['realtime', 'openai-insecure-api-key.abc']);
  assert.ok(protocol.isUsableKey('rp_aB3-x.y'));
  assert.ok(!protocol.isUsableKey('two words'));
});

test('the session asks for what this browser can do', () => {
  const { session } = protocol.sessionUpdate({ codec: { input: 'opus', output: 'pcm' }, voice: 'kokoro/af_heart' });
  assert.deepEqual(session.audio.input.format, { type: 'audio/opus' });
  assert.deepEqual(session.audio.output, { format: { type: 'audio/pcm', rate: 24000 }, transport: 'binary', voice: 'kokoro/af_heart' });
  assert.equal('voice' in protocol.sessionUpdate({ codec: { input: 'opus', output: 'opus' }, voice: '' }).session.audio.output, false);
});

test('without sound the reply is asked for in writing', () => {
  const { session } = protocol.sessionUpdate({ codec: { input: 'pcm', output: null }, voice: '' });
  assert.deepEqual(session.output_modalities, ['text']);
  assert.equal(session.audio.output, undefined);
});

test('the granted format decides, not the one asked for', () => {
  assert.deepEqual(protocol.describeFormat({ type: 'audio/opus' }), { codec: 'opus', rateHz: 48000 });
  assert.deepEqual(protocol.describeFormat({ type: 'audio/pcm', rate: 16000 }), { codec: 'pcm', rateHz: 16000 });
  assert.deepEqual(protocol.describeFormat(undefined), { codec: 'pcm', rateHz: 24000 });
});

test('a close is told in plain words, with the server’s reason', () => {
  assert.equal(protocol.closeWords(1006, ''), 'The connection dropped.');
  assert.equal(protocol.closeWords(1013, 'too many calls'), 'The server is full at the moment. It said: “too many calls”.');
  assert.match(protocol.closeWords(4000, ''), /code 4000/);
});

test('a refusal is not retried, a lost connection is', () => {
  assert.equal(protocol.worthRetrying(1008), false);
  assert.equal(protocol.worthRetrying(1006), true);
});

test('attempts come ever more slowly, and end', () => {
  assert.deepEqual([0, 1, 2, 3].map((attempt) => retryDelayMs(attempt, 0.9999999)), [1000, 2000, 4000, 8000]);
  assert.ok(retryDelayMs(ATTEMPTS_MAX - 1, 1) <= 20000);
  assert.ok(retryDelayMs(0, 0) >= 750);
  assert.equal(retryDelayMs(ATTEMPTS_MAX), null);
});

test('base64 becomes bytes', () => {
  assert.deepEqual([...protocol.bytesFromBase64('AP8Q')], [0, 255, 16]);
});
