// The client's half of the realtime protocol as plain data: what to send, and what the server's closing means in words. No I/O.

export const INPUT_FRAME_MS = 20;
export const PCM_RATE_HZ = 24000;

/**
 * Where to connect. `pageUrl` is the page's own address; `greeting`: the clone is to speak first; `resume` is set when an interrupted
 * session is taken up again.
 */
export function socketUrl(pageUrl, { model, greeting, resume }) {
  const url = new URL('/v1/realtime', pageUrl);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.searchParams.set('model', model || 'default');
  if (greeting) url.searchParams.set('greeting', '1');
  if (resume) {
    url.searchParams.set('session_id', resume.sessionId);
    url.searchParams.set('resume_token', resume.token);
    url.searchParams.set('after_seq', String(resume.afterSeq));
  }
  return url.href;
}

/** Browsers cannot set an Authorization header on a WebSocket, so a key travels as a subprotocol. */
export function subprotocols(apiKey) {
  return apiKey ? ['realtime', `openai-insecure-api-key.${apiKey}`] : ['realtime'];
}

/** A subprotocol must be an RFC 7230 token; anything else makes the WebSocket constructor throw. */
export function isUsableKey(apiKey) {
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(apiKey);
}

export function audioFormat(codec) {
  return codec === 'opus' ? { type: 'audio/opus' } : { type: 'audio/pcm', rate: PCM_RATE_HZ };
}

/** `codec`: {input, output}, each "opus" or "pcm"; output null when the page cannot play sound. `voice` empty: the clone's own. */
export function sessionUpdate({ codec, voice }) {
  const audio = {
    input: {
      format: audioFormat(codec.input),
      noise_reduction: null, // the browser's own is on
      transcription: { model: 'moonshine-tiny' },
      turn_detection: {
        type: 'server_vad',
        threshold: 0.5,
        prefix_padding_ms: 300,
        silence_duration_ms: 500,
        create_response: true,
        interrupt_response: true,
      },
    },
  };
  if (codec.output) {
    audio.output = { format: audioFormat(codec.output), transport: 'binary' };
    if (voice) audio.output.voice = voice;
  }
  return { type: 'session.update', session: { type: 'realtime', output_modalities: [codec.output ? 'audio' : 'text'], audio } };
}

export function voiceUpdate(voice) {
  return { type: 'session.update', session: { type: 'realtime', audio: { output: { voice } } } };
}

export function typedMessage(text) {
  return [
    { type: 'conversation.item.create', item: { type: 'message', role: 'user', content: [{ type: 'input_text', text }] } },
    { type: 'response.create' },
  ];
}

export function playbackPosition(itemId, playedMs) {
  return { type: 'repartee.playback', item_id: itemId, played_ms: Math.round(playedMs) };
}

/** {codec, rateHz} of a format object of session.updated. */
export function describeFormat(format) {
  if (format?.type === 'audio/opus') return { codec: 'opus', rateHz: 48000 };
  return { codec: 'pcm', rateHz: format?.rate ?? PCM_RATE_HZ };
}

export function bytesFromBase64(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

const CLOSE_WORDS = {
  1000: 'The conversation has ended.',
  1001: 'The server is shutting down.',
  1002: 'The server did not understand this page.',
  1003: 'The server did not accept the audio.',
  1006: 'The connection dropped.',
  1008: 'The server ended the conversation.',
  1009: 'A message was too large for the server.',
  1011: 'The server had a problem and ended the conversation.',
  1012: 'The server is restarting.',
  1013: 'The server is full at the moment.',
};

/** A close code and the server's reason as a sentence or two. */
export function closeWords(code, reason) {
  const said = CLOSE_WORDS[code] ?? `The server ended the conversation (code ${code}).`;
  return reason && reason.toLowerCase() !== said.toLowerCase() ? `${said} It said: “${reason}”.` : said;
}

/** Whether trying again by itself can help. A server that refuses us for a reason is not asked again without the person. */
export function worthRetrying(code) {
  return [1001, 1005, 1006, 1011, 1012, 1013].includes(code);
}
