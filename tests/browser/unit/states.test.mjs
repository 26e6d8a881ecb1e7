import assert from 'node:assert/strict';
import { test } from 'node:test';
import { levelFraction, restHeight, RingLevels, TICKS } from '../../../web/js/ring.js';
import { pageState, stateWords } from '../../../web/js/states.js';

test('while live the server’s state is the page’s', () => {
  assert.equal(pageState({ phase: 'live', server: 'processing', microphone: true, muted: false }), 'processing');
  assert.equal(pageState({ phase: 'retrying', server: 'speaking', microphone: true, muted: false }), 'retrying');
});

test('muted shows only while it is the user’s turn', () => {
  assert.equal(pageState({ phase: 'live', server: 'idle', microphone: true, muted: true }), 'muted');
  assert.equal(pageState({ phase: 'live', server: 'speaking', microphone: true, muted: true }), 'speaking');
});

test('every state has words', () => {
  for (const state of ['off', 'asking', 'connecting', 'retrying', 'lost', 'idle', 'muted', 'listening', 'processing', 'speaking', 'interrupted', 'error']) {
    const { title } = stateWords(state, { clone: 'Ada', microphone: true });
    assert.notEqual(title, state);
  }
});

test('levels are shown in decibels between the floor and the ceiling', () => {
  assert.equal(levelFraction(0), 0);
  assert.equal(levelFraction(1), 1);
  assert.ok(levelFraction(0.02) > levelFraction(0.01));
  assert.equal(levelFraction(NaN), 0);
});

test('a level runs down both sides of the ring and fades', () => {
  const levels = new RingLevels();
  levels.set(1);
  levels.step(0);
  const atTop = levels.height(0);
  levels.step(0);
  assert.equal(levels.height(0), 0);
  assert.equal(levels.height(1), levels.height(TICKS - 1));
  assert.ok(levels.height(1) > 0 && levels.height(1) < atTop);
});

test('while thinking one crest goes round, also across the top', () => {
  for (const seconds of [0, 0.7, 1.1, 2.2]) {
    const heights = Array.from({ length: TICKS }, (_, i) => restHeight('processing', i, seconds));
    assert.ok(Math.max(...heights) > 0.4 && Math.max(...heights) <= 0.55);
    assert.ok(heights.filter((height) => height > 0).length < TICKS / 2);
  }
});
