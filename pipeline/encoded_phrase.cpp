#include "pipeline/encoded_phrase.hpp"

#include <algorithm>
#include <cstring>
#include <functional>

namespace repartee::pipeline {
namespace {

// As bytes: u32 complexity, u32 frames, for each frame the u32 end of its packet; then the packets. Memory only: host byte order.
constexpr std::size_t number_bytes = sizeof(std::uint32_t), head_bytes = 2 * number_bytes;

std::uint32_t number_at(const std::string& bytes, std::size_t index) {
  std::uint32_t number = 0;
  std::memcpy(&number, bytes.data() + index * number_bytes, number_bytes);
  return number;
}

void append(std::string& out, std::size_t value) {
  const auto number = static_cast<std::uint32_t>(value);
  char bytes[number_bytes];
  std::memcpy(bytes, &number, number_bytes);
  out.append(bytes, number_bytes);
}

Counter& phrases(Metrics& metrics, const char* made) {
  return metrics.counter("repartee_encoded_phrases_total",
                         "Phrases from the cache that were sent as Opus, by how: shared packets, or encoded", {{"by", made}});
}

}  // namespace

std::optional<EncodedPhrase> EncodedPhrase::from_bytes(PhraseBytes bytes) {
  if (!bytes || bytes->size() < head_bytes) return std::nullopt;
  const std::size_t frames = number_at(*bytes, 1);
  if (frames == 0 || (bytes->size() - head_bytes) / number_bytes < frames) return std::nullopt;
  std::size_t end = 0;
  for (std::size_t i = 0; i < frames; ++i) {
    const std::size_t next = number_at(*bytes, 2 + i);
    if (next <= end) return std::nullopt;
    end = next;
  }
  if (bytes->size() != head_bytes + frames * number_bytes + end) return std::nullopt;
  return EncodedPhrase(std::move(bytes));
}

int EncodedPhrase::complexity() const { return static_cast<int>(number_at(*bytes_, 0)); }
std::size_t EncodedPhrase::frames() const { return number_at(*bytes_, 1); }

std::span<const std::uint8_t> EncodedPhrase::packet(std::size_t frame) const {
  const auto* packets = reinterpret_cast<const std::uint8_t*>(bytes_->data()) + head_bytes + frames() * number_bytes;
  const std::uint32_t begin = frame == 0 ? 0 : number_at(*bytes_, 1 + frame), end = number_at(*bytes_, 2 + frame);
  return {packets + begin, packets + end};
}

void PhraseRecording::add(std::span<const std::uint8_t> packet, int complexity) {
  refused_ |= packet.empty();
  complexity_ = ends_.empty() ? complexity : std::min(complexity_, complexity);
  packets_.append(reinterpret_cast<const char*>(packet.data()), packet.size());
  ends_.push_back(static_cast<std::uint32_t>(packets_.size()));
}

std::optional<int> PhraseRecording::complexity() const {
  if (refused_ || ends_.empty()) return std::nullopt;
  return complexity_;
}

std::string PhraseRecording::to_bytes() const {
  std::string out;
  out.reserve(head_bytes + ends_.size() * number_bytes + packets_.size());
  append(out, static_cast<std::size_t>(complexity_));
  append(out, ends_.size());
  for (const std::uint32_t end : ends_) append(out, end);
  return out += packets_;
}

EncodedPhraseMetrics::EncodedPhraseMetrics(Metrics& metrics) : shared(phrases(metrics, "sharing")), encoded(phrases(metrics, "encoding")) {}

PhraseKey PhraseEncodings::key_of(EncodedForm form) const {
  PhraseKey key = phrase_;
  key.kind = PhraseKind::packets;
  const std::size_t digest = std::hash<std::string_view>{}(*bytes_);  // the text is in the key: it tells only syntheses of one text apart
  for (const std::size_t part : {static_cast<std::size_t>(form.rate_hz), static_cast<std::size_t>(form.bitrate_bps), digest})
    key.material.append(std::to_string(part)).push_back('\0');
  return key;
}

std::optional<EncodedPhrase> PhraseEncodings::kept(const PhraseKey& key, TimePoint now) const {
  return EncodedPhrase::from_bytes(cache_.find_now(key, now));
}

std::optional<EncodedPhrase> PhraseEncodings::find(EncodedForm form, std::size_t frames, int complexity_min, TimePoint now) const {
  auto found = kept(key_of(form), now);
  const bool fits = found && found->frames() == frames && found->complexity() >= complexity_min;
  (fits ? metrics_.shared : metrics_.encoded).add();
  return fits ? std::move(found) : std::nullopt;
}

void PhraseEncodings::keep(EncodedForm form, const PhraseRecording& recording, TimePoint now) const {
  const auto complexity = recording.complexity();
  if (!complexity) return;
  const PhraseKey key = key_of(form);
  const auto present = kept(key, now);
  if (present && present->frames() == recording.frames() && present->complexity() >= *complexity) return;
  cache_.put(key, recording.to_bytes(), now);
}

}  // namespace repartee::pipeline
