// Phrases that were said before are encoded once, for all calls: what one call encodes of a phrase while it plays is kept as packets, and
// every later call, on any loop, sends those. They live in the phrase cache beside the phrase itself (memory only; its bytes and owners
// bound and erase them), under a key that depends on the phrase's every byte, so that another synthesis of the same text never gets them.
// So that packets fit into any reply, a phrase is encoded by itself: from a frame's begin, by an encoder that starts there, and followed by
// silence up to a whole frame, at least opus_lookahead_samples of it (the encoder is late by that much: the next one would not say it).
// Opus only: at complexity 5 encoding is two thirds of a call, while a frame of PCM or G.711 costs a copy or a table.
// Thread contract: EncodedPhrase is immutable, copies from any thread; a recording belongs to one thread; PhraseEncodings as PhraseCache.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "core/metrics.hpp"
#include "pipeline/phrase_cache.hpp"

namespace repartee::pipeline {

struct EncodedForm {
  int rate_hz = 24000, bitrate_bps = 24'000;
};

// A phrase's packets, one a frame.
class EncodedPhrase {
 public:
  static std::optional<EncodedPhrase> from_bytes(PhraseBytes bytes);  // of a recording; nullopt: no such bytes

  int complexity() const;  // the least that a packet was made at
  std::size_t frames() const;
  std::span<const std::uint8_t> packet(std::size_t frame) const;  // as long as a copy of the phrase lives

 private:
  explicit EncodedPhrase(PhraseBytes bytes) : bytes_(std::move(bytes)) {}
  PhraseBytes bytes_;
};

class PhraseRecording {
 public:
  void add(std::span<const std::uint8_t> packet, int complexity);  // an empty one: the encoder refused, and nothing is kept
  std::size_t frames() const { return ends_.size(); }
  std::optional<int> complexity() const;  // nullopt: not to be kept
  std::string to_bytes() const;

 private:
  std::string packets_;
  std::vector<std::uint32_t> ends_;  // in packets_
  int complexity_ = 0;
  bool refused_ = false;
};

struct EncodedPhraseMetrics {
  explicit EncodedPhraseMetrics(Metrics& metrics);
  Counter &shared, &encoded;  // phrases that were sent from packets; that had to be encoded
};

// The encodings of one phrase. The cache and the metrics outlive it.
class PhraseEncodings {
 public:
  PhraseEncodings(PhraseCache& cache, PhraseKey phrase, PhraseBytes bytes, EncodedPhraseMetrics& metrics)
      : cache_(cache), phrase_(std::move(phrase)), bytes_(std::move(bytes)), metrics_(metrics) {}

  // Packets of so many frames that were made at `complexity_min` or above: better ones serve a server that must make plain ones now, plain
  // ones are made anew when there is time again.
  std::optional<EncodedPhrase> find(EncodedForm form, std::size_t frames, int complexity_min, TimePoint now) const;
  void keep(EncodedForm form, const PhraseRecording& recording, TimePoint now) const;  // unless there are better ones

 private:
  PhraseKey key_of(EncodedForm form) const;
  std::optional<EncodedPhrase> kept(const PhraseKey& key, TimePoint now) const;

  PhraseCache& cache_;
  const PhraseKey phrase_;
  const PhraseBytes bytes_;
  EncodedPhraseMetrics& metrics_;
};

}  // namespace repartee::pipeline
