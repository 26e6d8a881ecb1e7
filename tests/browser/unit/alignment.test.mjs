import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countHeard, heardAt, spokenAt, timeTokens, tokenize } from '../../../web/js/alignment.js';

const word = (text, startMs, endMs) => ({ text, startMs, endMs });

test('tokens joined give the text back', () => {
  const text = ' Well,  hello — you there.\n';
  assert.equal(tokenize(text).join(''), text);
  assert.deepEqual(tokenize(''), []);
});

test('words find their tokens whatever their case and punctuation', () => {
  const times = timeTokens(tokenize('Hello, it’s Ada.'), [word('hello', 0, 300), word("it's", 320, 500), word('ada', 500, 900)]);
  assert.deepEqual(times.map((time) => time?.startMs), [0, 320, 500]);
});

test('a token that the alignment leaves out gets the time between its neighbours', () => {
  const times = timeTokens(tokenize('one – three'), [word('one', 0, 200), word('three', 400, 600)]);
  assert.deepEqual(times[1], { startMs: 200, endMs: 400 });
});

test('tokens whose alignment has not come yet have no time', () => {
  const times = timeTokens(tokenize('one two three'), [word('one', 0, 200)]);
  assert.equal(times[1], null);
  assert.equal(times[2], null);
});

test('an aligned word that is not in the text does not shift the others', () => {
  const times = timeTokens(tokenize('one two'), [word('one', 0, 100), word('uh', 100, 200), word('two', 200, 300)]);
  assert.deepEqual(times[1], { startMs: 200, endMs: 300 });
});

test('an aligned piece of several words is shared among its tokens', () => {
  const times = timeTokens(tokenize('New York'), [word('New York', 100, 300)]);
  assert.deepEqual(times, [{ startMs: 100, endMs: 200 }, { startMs: 200, endMs: 300 }]);
});

test('a repeated word is matched in order', () => {
  const times = timeTokens(tokenize('no no no'), [word('no', 0, 1), word('no', 1, 2), word('no', 2, 3)]);
  assert.deepEqual(times.map((time) => time.startMs), [0, 1, 2]);
});

test('a word lights up when it starts and sounds until it ends', () => {
  const times = [{ startMs: 0, endMs: 100 }, { startMs: 150, endMs: 300 }, null];
  assert.deepEqual(spokenAt(times, 50), { begun: 1, sounding: 0 });
  assert.deepEqual(spokenAt(times, 120), { begun: 1, sounding: -1 });
  assert.deepEqual(spokenAt(times, 150), { begun: 2, sounding: 1 });
  assert.deepEqual(spokenAt(times, 9999), { begun: 2, sounding: -1 });
});

test('a word counts as heard when its middle was played', () => {
  const times = [{ startMs: 0, endMs: 100 }, { startMs: 100, endMs: 200 }];
  assert.equal(heardAt(times, 49), 0);
  assert.equal(heardAt(times, 50), 1);
  assert.equal(heardAt(times, 149), 1);
  assert.equal(heardAt(times, 150), 2);
});

test('the server’s heard text says how many tokens were heard', () => {
  const tokens = tokenize('Hello, I am here – now.');
  assert.equal(countHeard(tokens, 'Hello, I am'), 3);
  assert.equal(countHeard(tokens, 'Hello, I am here'), 5, 'the dash goes with the word before it');
  assert.equal(countHeard(tokens, ''), 0);
  assert.equal(countHeard(tokens, 'Something else'), 0);
  assert.equal(countHeard(tokens, 'Hello, I am here – now.'), 6);
});
