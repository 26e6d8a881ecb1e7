// What each server event means for the captions, the speaker and the page. Holds no connection: `effects` are the ways out.
import { bytesFromBase64, describeFormat } from './protocol.js';

/**
 * effects: {begin(itemId), end(itemId), audio(bytes), cut(), created(session), updated(formats), resumable({sessionId, token, resumed, lost}),
 * state(name), turn(row), complain(text), busy()}; busy: a reply was asked for while another was being made.
 */
export class ServerEvents {
  constructor(captions, effects) {
    this.captions = captions;
    this.effects = effects;
    this.replying = false; // between response.created and response.done
    this.cutItems = new Set();
  }

  handle(event) {
    HANDLERS[event.type]?.(event, this);
  }

  itemAdded({ item, previous_item_id: previousId }) {
    if (item?.type !== 'message' || (item.role !== 'user' && item.role !== 'assistant')) return;
    const side = item.role === 'user' ? 'user' : 'clone';
    this.captions.open(item.id, side, previousId);
    const typed = (item.content ?? []).filter((part) => part.type === 'input_text').map((part) => part.text).join(' ');
    if (side === 'user' && typed) this.captions.complete(item.id, side, typed);
  }

  responseEnded({ response }) {
    this.replying = false;
    for (const item of response?.output ?? []) {
      this.captions.responseEnded(item.id, response.status);
      this.effects.end(item.id);
    }
    if (response?.status === 'cancelled') this.effects.cut();
    if (response?.status === 'failed') {
      this.effects.complain(response.status_details?.error?.message ?? 'The reply failed.');
    }
  }

  audioDelta({ item_id: itemId, delta }) {
    if (this.cutItems.has(itemId)) return;
    this.effects.begin(itemId);
    this.effects.audio(bytesFromBase64(delta));
  }
}

const HANDLERS = {
  __proto__: null, // a type is a name from outside
  'session.created': ({ session }, self) => self.effects.created(session ?? {}),
  'session.updated': ({ session }, self) => {
    self.effects.updated({ input: describeFormat(session?.audio?.input?.format), output: describeFormat(session?.audio?.output?.format) });
  },
  'repartee.session': (event, self) => self.effects.resumable({
    sessionId: event.session_id, token: event.resume_token, resumed: event.resumed ?? null, lost: event.lost_events ?? 0,
  }),
  'repartee.state': (event, self) => {
    self.captions.setTurnIndex(event.turn_index);
    self.effects.state(event.to);
  },
  'repartee.alignment': ({ item_id: itemId, words }, self) => self.captions.align(itemId, words ?? []),
  'repartee.sources': ({ turn_index: turnIndex, passages }, self) => self.captions.setSources(turnIndex, passages ?? []),
  'repartee.turn': (event, self) => self.effects.turn(event.turn ?? event),

  'input_audio_buffer.speech_started': ({ item_id: itemId }, self) => {
    self.effects.cut();
    if (itemId) self.captions.open(itemId, 'user');
  },
  'conversation.item.added': (event, self) => self.itemAdded(event),
  'conversation.item.input_audio_transcription.delta': ({ item_id: itemId, delta }, self) => self.captions.append(itemId, 'user', delta ?? ''),
  'conversation.item.input_audio_transcription.completed': ({ item_id: itemId, transcript }, self) => self.captions.complete(itemId, 'user', transcript ?? ''),
  'conversation.item.input_audio_transcription.failed': ({ item_id: itemId, error }, self) => {
    self.captions.complete(itemId, 'user', '');
    self.effects.complain(error?.message ?? 'Your words could not be recognised.');
  },
  'input_audio_buffer.cleared': (event, self) => self.captions.dropUnsaid(),

  'response.created': (event, self) => {
    self.replying = true;
  },
  'response.output_item.added': ({ item }, self) => {
    if (item?.type !== 'message') return;
    self.captions.open(item.id, 'clone');
    self.effects.begin(item.id);
  },
  'response.output_audio_transcript.delta': ({ item_id: itemId, delta }, self) => self.captions.append(itemId, 'clone', delta ?? ''),
  'response.output_audio_transcript.done': ({ item_id: itemId, transcript }, self) => self.captions.complete(itemId, 'clone', transcript ?? ''),
  'response.output_text.delta': ({ item_id: itemId, delta }, self) => self.captions.write(itemId, delta ?? ''),
  'response.output_text.done': ({ item_id: itemId, text }, self) => {
    self.captions.complete(itemId, 'clone', text ?? '');
    self.captions.playedOut(itemId);
  },
  'response.output_audio.delta': (event, self) => self.audioDelta(event),
  'response.output_audio.done': ({ item_id: itemId }, self) => self.effects.end(itemId),
  'response.done': (event, self) => self.responseEnded(event),
  error: ({ error }, self) => {
    if (error?.code === 'conversation_already_has_active_response') self.effects.busy();
    else if (error?.code !== 'response_cancel_not_active') self.effects.complain(error?.message ?? 'The server reported an error.');
  },
};
