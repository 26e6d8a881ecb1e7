// What the page shows to programs that look at it (the browser tests, or a curious console), read-only by convention:
//   document.body.dataset.state   off, asking, connecting, live states (idle, listening, processing, speaking, interrupted, error, muted),
//                                 retrying, lost
//   window.repartee.sessionId     the session's id as the server's HTTP API knows it, null before the first session
//   window.repartee.turns         rows of conversation_turns in the order of repartee.turn; a revision replaces its earlier row
//   window.repartee.playedSamples, nonSilentSamples
//                                 samples of replies given to the sound card since the page was opened, at 48 kHz; non-silent: above -60 dB
//   window.repartee.codecs        {input, output} as negotiated, "opus" or "pcm"

export const pageHook = { sessionId: null, turns: [], playedSamples: 0, nonSilentSamples: 0, codecs: null };
window.repartee = pageHook;

export function rememberTurn(row) {
  const turn = { ...row, session_id: row.session_id ?? pageHook.sessionId };
  const at = pageHook.turns.findIndex((known) => known.session_id === turn.session_id && known.turn_index === turn.turn_index);
  if (at >= 0) pageHook.turns[at] = turn;
  else pageHook.turns.push(turn);
}
