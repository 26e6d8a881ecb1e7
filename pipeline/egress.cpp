#include "pipeline/egress.hpp"

#include <utility>

namespace repartee::pipeline {
namespace {

// Opus takes speech as it is made; what it does not know is brought to the rate that keeps all of a voice.
int frame_rate_hz(const OutputFormat& format, int speech_rate_hz) {
  switch (format.codec) {
    case OutputCodec::pcmu:
    case OutputCodec::pcma: return g711_rate_hz;
    case OutputCodec::opus: return speech_rate_hz == 16000 || speech_rate_hz == 24000 || speech_rate_hz == 48000 ? speech_rate_hz : 24000;
    case OutputCodec::pcm: return format.rate_hz;
  }
  return format.rate_hz;
}

}  // namespace

Egress::Egress(OutputFormat format, int speech_rate_hz, OpusOptions opus)
    : format_(format), rate_hz_(frame_rate_hz(format, speech_rate_hz)), opus_options_(opus) {
  change_speech_rate(speech_rate_hz);
}

void Egress::set_opus_complexity(int complexity) {
  if (complexity == opus_options_.complexity) return;
  opus_options_.complexity = complexity;
  if (opus_) opus_->set_complexity(complexity);
}

void Egress::change_speech_rate(int speech_rate_hz) {
  resampler_.reset();
  converting_ = false;
  if (speech_rate_hz != rate_hz_) resampler_.emplace(Resampler::Options{.from_hz = speech_rate_hz, .to_hz = rate_hz_});
}

void Egress::convert(std::span<const std::int16_t> speech, Samples& out) {
  converting_ = true;
  if (resampler_) resampler_->process(speech, out);
  else out.insert(out.end(), speech.begin(), speech.end());
}

void Egress::flush(Samples& out) {
  if (resampler_ && std::exchange(converting_, false)) resampler_->flush(out);
}

std::span<const std::uint8_t> Egress::encode_opus(std::span<const std::int16_t> frame) {
  if (!opus_) {
    auto encoder = OpusEncoder::create({.rate_hz = rate_hz_, .bitrate_bps = opus_options_.bitrate_bps, .complexity = opus_options_.complexity});
    if (!encoder) return {};
    opus_.emplace(std::move(encoder).value());
  } else if (restart_) {
    opus_->reset();
  }
  restart_ = false;
  auto packet = opus_->encode(frame);
  return packet ? *packet : std::span<const std::uint8_t>{};
}

std::span<const std::uint8_t> Egress::encode(std::span<const std::int16_t> frame) {
  if (format_.codec == OutputCodec::opus) return encode_opus(frame);
  bytes_.clear();
  if (format_.codec == OutputCodec::pcm) {
    bytes_.reserve(frame.size() * 2);
    for (const std::int16_t sample : frame) {   // little-endian on the wire, whatever the machine
      bytes_.push_back(static_cast<std::uint8_t>(sample & 0xff));
      bytes_.push_back(static_cast<std::uint8_t>((sample >> 8) & 0xff));
    }
  } else {
    g711_encode(format_.codec == OutputCodec::pcmu ? G711Law::mu : G711Law::a, frame, bytes_);
  }
  return bytes_;
}

}  // namespace repartee::pipeline
