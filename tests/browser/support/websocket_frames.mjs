// The server side of RFC 6455 as far as the mock needs it: one peer, small messages, no extensions.
import { createHash } from 'node:crypto';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const OPCODE = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

export function acceptUpgrade(request, socket) {
  const accept = createHash('sha1').update(request.headers['sec-websocket-key'] + GUID).digest('base64');
  const protocol = (request.headers['sec-websocket-protocol'] ?? '').split(',')[0].trim();
  socket.write(['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${accept}`,
    ...(protocol ? [`Sec-WebSocket-Protocol: ${protocol}`] : []), '', ''].join('\r\n'));
}

export function frame(opcode, payload) {
  const length = payload.length;
  const header = length < 126 ? Buffer.from([0x80 | opcode, length])
    : length < 65536 ? Buffer.from([0x80 | opcode, 126, length >> 8, length & 255])
      : Buffer.concat([Buffer.from([0x80 | opcode, 127]), Buffer.alloc(8)]);
  if (length >= 65536) header.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([header, payload]);
}

/** Calls on.text(string), on.binary(Buffer), on.close() for what arrives on the socket. */
export function readFrames(socket, on) {
  let pending = Buffer.alloc(0);
  let parts = [];
  let kind = 0;
  socket.on('data', (data) => {
    pending = Buffer.concat([pending, data]);
    for (let message = takeFrame(pending); message; message = takeFrame(pending)) {
      pending = pending.subarray(message.size);
      if (message.opcode === OPCODE.close) return on.close();
      if (message.opcode > OPCODE.binary) continue;
      if (message.opcode !== 0) kind = message.opcode;
      parts.push(message.payload);
      if (!message.final) continue;
      const whole = Buffer.concat(parts);
      parts = [];
      if (kind === OPCODE.text) on.text(whole.toString());
      else on.binary(whole);
    }
  });
  socket.on('close', on.close);
  socket.on('error', on.close);
}

function takeFrame(bytes) {
  if (bytes.length < 2) return null;
  let length = bytes[1] & 127;
  let at = 2;
  if (length === 126) {
    if (bytes.length < 4) return null;
    length = bytes.readUInt16BE(2);
    at = 4;
  } else if (length === 127) {
    if (bytes.length < 10) return null;
    length = Number(bytes.readBigUInt64BE(2));
    at = 10;
  }
  const masked = (bytes[1] & 128) !== 0;
  const start = at + (masked ? 4 : 0);
  if (bytes.length < start + length) return null;
  const payload = Buffer.from(bytes.subarray(start, start + length));
  if (masked) for (let i = 0; i < length; i++) payload[i] ^= bytes[at + (i & 3)];
  return { final: (bytes[0] & 128) !== 0, opcode: bytes[0] & 15, payload, size: start + length };
}

export const sendText = (socket, text) => socket.write(frame(OPCODE.text, Buffer.from(text)));
export const sendBinary = (socket, bytes) => socket.write(frame(OPCODE.binary, bytes));
export function sendClose(socket, code, reason) {
  const payload = Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]);
  socket.end(frame(OPCODE.close, payload));
}
