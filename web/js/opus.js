// Opus through WebCodecs (W3C "Opus WebCodecs Registration"), 48 kHz mono, one packet per 20 ms.

export const OPUS_RATE_HZ = 48000;
const FRAME_US = 20000;
const BITRATE = 28000;
const ENCODE_QUEUE_MAX = 25; // half a second: an encoder that far behind never catches up, so frames are dropped

const ENCODER = {
  codec: 'opus', sampleRate: OPUS_RATE_HZ, numberOfChannels: 1, bitrate: BITRATE,
  opus: { frameDuration: FRAME_US, application: 'voip', complexity: 5, useinbandfec: true, packetlossperc: 5 },
};
const DECODER = { codec: 'opus', sampleRate: OPUS_RATE_HZ, numberOfChannels: 1 };

async function supported(kind, config) {
  try {
    return typeof kind === 'function' && (await kind.isConfigSupported(config)).supported === true;
  } catch {
    return false;
  }
}

export async function canEncodeOpus() {
  return supported(globalThis.AudioEncoder, ENCODER);
}

export async function canDecodeOpus() {
  return supported(globalThis.AudioDecoder, DECODER);
}

export class OpusEncoder {
  /** onPacket(Uint8Array) for every 20 ms; onError(Error) once, after which nothing more comes. */
  constructor(onPacket, onError) {
    this.timestamp = 0;
    this.encoder = new AudioEncoder({
      output: (chunk) => {
        const packet = new Uint8Array(chunk.byteLength);
        chunk.copyTo(packet);
        onPacket(packet);
      },
      error: onError,
    });
    this.encoder.configure(ENCODER);
  }

  encode(samples) {
    if (this.encoder.state !== 'configured' || this.encoder.encodeQueueSize > ENCODE_QUEUE_MAX) return;
    const data = new AudioData({
      format: 'f32-planar', sampleRate: OPUS_RATE_HZ, numberOfChannels: 1, numberOfFrames: samples.length, timestamp: this.timestamp, data: samples,
    });
    this.timestamp += FRAME_US;
    this.encoder.encode(data);
    data.close();
  }

  close() {
    if (this.encoder.state !== 'closed') this.encoder.close();
  }
}

export class OpusDecoder {
  /** onSamples(Float32Array, rateHz) in the order of the packets; onError(Error) when a packet could not be decoded. */
  constructor(onSamples, onError) {
    this.onSamples = onSamples;
    this.onError = onError;
    this.timestamp = 0;
    this.open();
  }

  open() {
    this.decoder = new AudioDecoder({
      output: (data) => {
        const samples = new Float32Array(data.numberOfFrames);
        data.copyTo(samples, { planeIndex: 0, format: 'f32-planar' });
        const rate = data.sampleRate;
        data.close();
        this.onSamples(samples, rate);
      },
      error: (error) => {
        this.onError(error);
        if (this.decoder.state === 'closed') this.open(); // one bad packet does not end the conversation
      },
    });
    this.decoder.configure(DECODER);
  }

  decode(packet) {
    this.decoder.decode(new EncodedAudioChunk({ type: 'key', timestamp: this.timestamp, duration: FRAME_US, data: packet }));
    this.timestamp += FRAME_US;
  }

  /** Resolves when all packets so far have been handed out. */
  async drain() {
    try {
      await this.decoder.flush();
    } catch {
      // The decoder was reset or closed meanwhile: there is nothing left to hand out.
    }
  }

  close() {
    if (this.decoder.state !== 'closed') this.decoder.close();
  }
}
