// What the page says about itself: the connection's phase and the server's state become one state with words. Pure.
// The names are also the values of document.body.dataset.state.

/**
 * phase: off | asking (for the microphone) | connecting | live | retrying | lost
 * server: the session's state (idle, listening, processing, speaking, interrupted, error)
 */
export function pageState({ phase, server, microphone, muted }) {
  if (phase !== 'live') return phase;
  if (microphone && muted && (server === 'idle' || server === 'listening')) return 'muted';
  return server;
}

export function stateWords(state, { clone, microphone, retryInS = 0 }) {
  switch (state) {
    case 'off': return { title: 'Ready when you are', hint: 'Press the button and speak, or type below.' };
    case 'asking': return { title: 'Waiting for the microphone', hint: 'Your browser is asking for permission.' };
    case 'connecting': return { title: 'Connecting', hint: '' };
    case 'retrying': return { title: 'Reconnecting', hint: retryInS > 0 ? `Trying again in ${retryInS} s.` : 'Trying again now.' };
    case 'lost': return { title: 'Not connected', hint: '' };
    case 'idle': return microphone ? { title: 'Go ahead', hint: 'Speak whenever you like.' } : { title: 'Connected', hint: 'Type a message, or press the button to speak.' };
    case 'muted': return { title: 'Muted', hint: `${clone} cannot hear you.` };
    case 'listening': return { title: 'Listening', hint: 'Pause when you are done.' };
    case 'processing': return { title: 'Thinking', hint: '' };
    case 'speaking': return { title: 'Speaking', hint: microphone ? 'Interrupt at any time.' : '' };
    case 'interrupted': return { title: 'Interrupted', hint: 'Go on.' };
    case 'error': return { title: 'That turn failed', hint: 'Say it again, or say something else.' };
    default: return { title: state, hint: '' };
  }
}
