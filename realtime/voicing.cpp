#include "realtime/voicing.hpp"

namespace repartee::realtime {
namespace {

pipeline::OutputFormat to_output_format(const AudioFormat& format) {
  using pipeline::OutputCodec;
  switch (format.codec) {
    case Codec::pcmu: return {OutputCodec::pcmu, format.rate_hz};
    case Codec::pcma: return {OutputCodec::pcma, format.rate_hz};
    case Codec::opus: return {OutputCodec::opus, format.rate_hz};
    case Codec::pcm: return {OutputCodec::pcm, format.rate_hz};
  }
  return {};
}

}  // namespace

Voicing::Voicing(const Options& options, AudioFormat format, int speech_rate_hz, std::unique_ptr<Response> response)
    : response_(std::move(response)), egress_(to_output_format(format), speech_rate_hz, options.opus), playout_(options.playout, egress_.rate_hz()),
      opus_(format.codec == Codec::opus) {}

void Voicing::end_on_frame() {
  Samples tail;
  egress_.flush(tail);
  playout_.push_audio(tail);
  playout_.push_silence_to_frame(pipeline::opus_lookahead_samples(playout_.rate_hz()));
  on_frame_ = true;
}

void Voicing::push(pipeline::ReplyPiece piece) {
  const bool by_itself = keeps_packets(piece);
  if (by_itself && !on_frame_) end_on_frame();
  if (piece.clause_begins) clause_start_ms_ = playout_.pushed_ms();
  server_events::Alignment aligned;
  for (auto& word : piece.words) {
    playout_.push_word({word.text, clause_start_ms_ + word.start_ms, clause_start_ms_ + word.end_ms});
    aligned.words.push_back({std::move(word.text), clause_start_ms_ + word.start_ms, clause_start_ms_ + word.end_ms});
    for (const auto& viseme : word.visemes) aligned.visemes.push_back({viseme.id, clause_start_ms_ + viseme.start_ms});
  }
  response_->words(aligned);
  Samples converted;
  egress_.convert(piece.samples, converted);
  const std::int64_t begin = playout_.pushed_frames();
  playout_.push_audio(converted);
  on_frame_ = on_frame_ && piece.samples.empty();
  if (!by_itself) return;
  end_on_frame();
  phrases_.push_back({.begin = begin, .end = playout_.pushed_frames(), .encodings = std::move(piece.encodings), .packets = {}, .recording = {}});
}

void Voicing::finish() {
  Samples tail;
  egress_.flush(tail);
  playout_.push_audio(tail);
  playout_.finish();
}

std::span<const std::uint8_t> Voicing::bytes_of(std::span<const std::int16_t> frame, std::int64_t number, TimePoint now) {
  if (!phrases_.empty() && number >= phrases_.front().end) phrases_.pop_front();
  if (phrases_.empty() || number < phrases_.front().begin) return egress_.encode(frame);
  return bytes_of(phrases_.front(), frame, number, now);
}

// The encoder starts anew where a phrase begins, as it did when the packets were made, and after packets, since it has not heard them.
std::span<const std::uint8_t> Voicing::bytes_of(Phrase& phrase, std::span<const std::int16_t> frame, std::int64_t number, TimePoint now) {
  const pipeline::EncodedForm form{.rate_hz = egress_.rate_hz(), .bitrate_bps = egress_.opus_bitrate_bps()};
  if (number == phrase.begin) {
    phrase.packets = phrase.encodings->find(form, static_cast<std::size_t>(phrase.end - phrase.begin), egress_.opus_complexity(), now);
    egress_.restart_encoder();
  }
  if (phrase.packets) return phrase.packets->packet(static_cast<std::size_t>(number - phrase.begin));
  const auto bytes = egress_.encode(frame);
  phrase.recording.add(bytes, egress_.opus_complexity());
  if (number + 1 == phrase.end) phrase.encodings->keep(form, phrase.recording, now);
  return bytes;
}

bool Voicing::send_due(TimePoint now) {
  // An Opus packet is a message of its own; samples that are due together go out together.
  together_.clear();
  bool sent = false;
  for (auto frame = playout_.take_frame(now); !frame.empty(); frame = playout_.take_frame(now)) {
    const auto bytes = bytes_of(frame, playout_.sent_frames() - 1, now);
    sent = true;
    if (opus_) response_->audio(bytes);
    else together_.insert(together_.end(), bytes.begin(), bytes.end());
  }
  if (!together_.empty()) response_->audio(together_);
  return sent;
}

}  // namespace repartee::realtime
