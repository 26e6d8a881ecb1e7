// One WebSocket to /v1/realtime: JSON events and binary audio both ways. Reconnecting is the caller's decision.
import { socketUrl, subprotocols } from './protocol.js';

const OPEN_TIMEOUT_MS = 10000;
const SEND_BUFFER_BYTES_MAX = 256 * 1024; // about a minute of Opus: beyond it the network is too slow to talk over, so audio is dropped

export class Connection {
  /** on: {open(), event(object), audio(Uint8Array), close({code, reason, opened})}; close comes exactly once. */
  constructor({ model, apiKey, greeting, resume }, on) {
    this.on = on;
    this.opened = false;
    this.done = false;
    this.lastSeq = resume?.afterSeq ?? 0;
    this.droppedFrames = 0;
    this.socket = new WebSocket(socketUrl(location.href, { model, greeting, resume }), subprotocols(apiKey));
    this.socket.binaryType = 'arraybuffer';
    this.timer = setTimeout(() => this.finish(1006, ''), OPEN_TIMEOUT_MS);
    this.socket.onopen = () => {
      if (this.done) return;
      clearTimeout(this.timer);
      this.opened = true;
      this.on.open();
    };
    this.socket.onmessage = ({ data }) => this.receive(data);
    this.socket.onclose = ({ code, reason }) => this.finish(code, reason);
  }

  receive(data) {
    if (this.done) return;
    if (typeof data !== 'string') {
      this.lastSeq++; // binary messages count and cannot say so; the next event's seq does
      this.on.audio(new Uint8Array(data));
      return;
    }
    let event;
    try {
      event = JSON.parse(data);
    } catch {
      return; // not an event of this protocol
    }
    if (typeof event?.type !== 'string') return;
    if (Number.isInteger(event.seq)) this.lastSeq = event.seq;
    this.on.event(event);
  }

  send(event) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(event));
  }

  sendAudio(packet) {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    if (this.socket.bufferedAmount > SEND_BUFFER_BYTES_MAX) {
      this.droppedFrames++;
      return;
    }
    this.socket.send(packet);
  }

  finish(code, reason) {
    if (this.done) return;
    this.done = true;
    clearTimeout(this.timer);
    this.socket.close();
    this.on.close({ code, reason, opened: this.opened });
  }

  /** Ends it from this side; `close` is not called. */
  close() {
    this.done = true;
    clearTimeout(this.timer);
    this.socket.close(1000, 'done');
  }
}
