import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Captions } from '../../../web/js/captions.js';

const REPLY = 'Hello there my friend';
const WORDS = REPLY.split(' ').map((text, i) => ({ text, start_ms: i * 100, end_ms: i * 100 + 100 }));

function withReply() {
  const captions = new Captions();
  captions.open('a', 'clone');
  captions.append('a', 'clone', REPLY);
  captions.align('a', WORDS.slice(0, 2));
  captions.align('a', WORDS.slice(2));
  return { captions, entry: captions.entries[0] };
}

test('partial words of the user grow and the final transcript replaces them', () => {
  const captions = new Captions();
  captions.append('u', 'user', 'go for');
  captions.append('u', 'user', 'ward');
  assert.equal(captions.entries[0].text, 'go forward');
  captions.complete('u', 'user', 'Go forward.');
  captions.append('u', 'user', ' late');
  assert.equal(captions.entries[0].text, 'Go forward.');
  assert.equal(captions.entries[0].final, true);
});

test('an utterance without words disappears', () => {
  const captions = new Captions();
  captions.open('u', 'user');
  assert.equal(captions.visible().length, 1);
  captions.complete('u', 'user', '');
  assert.equal(captions.visible().length, 0);
});

test('speech that came to nothing leaves no empty line', () => {
  const captions = new Captions();
  captions.open('u', 'user');
  captions.dropUnsaid();
  assert.equal(captions.visible().length, 0);
});

test('an item is placed after the one the server names', () => {
  const captions = new Captions();
  captions.open('first', 'user');
  captions.open('reply', 'clone');
  captions.open('second', 'user', 'first');
  assert.deepEqual(captions.entries.map(({ id }) => id), ['first', 'second', 'reply']);
});

test('words light up with the playback clock', () => {
  const { captions, entry } = withReply();
  captions.played('a', 150);
  assert.deepEqual([entry.begun, entry.sounding], [2, 1]);
  captions.playedOut('a');
  assert.deepEqual([entry.begun, entry.sounding], [4, -1]);
});

test('alignment may come before its text', () => {
  const captions = new Captions();
  captions.align('a', WORDS);
  captions.append('a', 'clone', REPLY);
  captions.played('a', 250);
  assert.equal(captions.entries[0].begun, 3);
});

test('a reply is not audible before something of it has been played, and a written one is at once', () => {
  const { captions, entry } = withReply();
  assert.equal(entry.audible, false);
  captions.played('a', 0);
  assert.equal(entry.audible, true);
  captions.write('w', 'In writing');
  assert.deepEqual([captions.entries[1].audible, captions.entries[1].text], [true, 'In writing']);
});

test('a reply cancelled before it sounded was not heard', () => {
  const { captions, entry } = withReply();
  captions.responseEnded('a', 'cancelled');
  assert.deepEqual([entry.heard, entry.interrupted], [0, true]);
});

test('a reply cancelled while it sounds is cut where playback stops, not before', () => {
  const { captions, entry } = withReply();
  captions.played('a', 150);
  captions.responseEnded('a', 'cancelled');
  assert.equal(entry.heard, null);
  captions.cut('a', 160);
  assert.equal(entry.heard, 2);
});

test('a cut shows what was heard, and late playback reports change nothing', () => {
  const { captions, entry } = withReply();
  captions.played('a', 180);
  captions.cut('a', 160);
  assert.equal(entry.heard, 2);
  assert.equal(entry.interrupted, true);
  captions.played('a', 400);
  captions.playedOut('a');
  assert.equal(entry.heard, 2);
  assert.equal(entry.begun, 2);
});

test('the server’s account of what was heard replaces the page’s own', () => {
  const { captions, entry } = withReply();
  captions.cut('a', 160);
  captions.recordTurn({ turn_index: 0, status: 'interrupted', llm_response: REPLY, heard_response: 'Hello there my' });
  assert.equal(entry.heard, 3);
});

test('a turn that completed after all is not shown as interrupted', () => {
  const { captions, entry } = withReply();
  captions.cut('a', 400);
  captions.recordTurn({ turn_index: 0, status: 'completed', llm_response: REPLY, heard_response: REPLY });
  assert.equal(entry.interrupted, false);
  assert.equal(entry.begun, 4);
});

test('a row finds its reply by text, then by number, then by age', () => {
  const captions = new Captions();
  captions.append('a', 'clone', 'One.');
  captions.setTurnIndex(1);
  captions.append('b', 'clone', 'Two.');
  captions.append('c', 'clone', 'Three.');
  assert.equal(captions.recordTurn({ turn_index: 7, status: 'completed', llm_response: 'Three.' }).id, 'c');
  assert.equal(captions.recordTurn({ turn_index: 1, status: 'completed', llm_response: 'different' }).id, 'b');
  assert.equal(captions.recordTurn({ turn_index: 5, status: 'completed', llm_response: 'different' }).id, 'a');
  assert.equal(captions.recordTurn({ turn_index: 6, status: 'completed', llm_response: 'none left' }), null);
});

test('a revision of a row goes where the row stands', () => {
  const { captions, entry } = withReply();
  captions.recordTurn({ turn_index: 3, status: 'interrupted', llm_response: REPLY, heard_response: 'Hello' });
  captions.append('b', 'clone', REPLY);
  captions.recordTurn({ turn_index: 3, revision: 1, status: 'interrupted', llm_response: REPLY, heard_response: 'Hello there' });
  assert.equal(entry.heard, 2);
});

test('a turn without a reply belongs to what the user said', () => {
  const captions = new Captions();
  captions.complete('u', 'user', 'Hello?');
  assert.equal(captions.recordTurn({ turn_index: 0, status: 'failed', user_transcript: 'Hello?', llm_response: '' }).id, 'u');
});

test('turn numbers of a new session do not touch the earlier one', () => {
  const { captions, entry } = withReply();
  const row = { turn_index: 0, status: 'completed', llm_response: REPLY };
  captions.recordTurn(row);
  captions.startSession();
  captions.append('b', 'clone', REPLY);
  assert.equal(captions.recordTurn(row).id, 'b');
  assert.equal(entry.turn, row);
});

test('sources go to the reply of their turn, whichever comes first', () => {
  const captions = new Captions();
  captions.setTurnIndex(2);
  captions.setSources(2, [{ filename: 'a.txt' }, { filename: 'a.txt' }, { filename: 'b.md' }]);
  captions.open('r', 'clone');
  assert.deepEqual(captions.entries[0].sources, ['a.txt', 'b.md']);
  captions.setSources(2, [{ filename: 'c.pdf' }]);
  assert.deepEqual(captions.entries[0].sources, ['c.pdf']);
});

test('when the connection drops, a reply in the middle is cut where it was', () => {
  const { captions, entry } = withReply();
  captions.played('a', 150);
  captions.abandon();
  assert.equal(entry.heard, 2);
  assert.equal(entry.interrupted, true);
});

test('the list of entries is bounded', () => {
  const captions = new Captions();
  for (let i = 0; i < 1000; i++) captions.append(`i${i}`, 'user', 'x');
  assert.ok(captions.entries.length <= 400);
  assert.equal(captions.byId.size, captions.entries.length);
});
