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

void Voicing::push(pipeline::ReplyPiece piece) {
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
  playout_.push_audio(converted);
}

void Voicing::finish() {
  Samples tail;
  egress_.flush(tail);
  playout_.push_audio(tail);
  playout_.finish();
}

bool Voicing::send_due(TimePoint now) {
  // An Opus packet is a message of its own; samples that are due together go out together.
  together_.clear();
  bool sent = false;
  for (auto frame = playout_.take_frame(now); !frame.empty(); frame = playout_.take_frame(now)) {
    const auto bytes = egress_.encode(frame);
    sent = true;
    if (opus_) response_->audio(bytes);
    else together_.insert(together_.end(), bytes.begin(), bytes.end());
  }
  if (!together_.empty()) response_->audio(together_);
  return sent;
}

}  // namespace repartee::realtime
