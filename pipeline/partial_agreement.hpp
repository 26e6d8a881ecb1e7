// Turns successive partial transcripts into append-only captions: a word is said once two successive partials agree on it and on all
// before it (local agreement: Liu, Spanakis, Niehues, "Low-latency sequence-to-sequence speech recognition", Interspeech 2020).
// Thread contract: none. Pure.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace repartee::pipeline {

class PartialAgreement {
 public:
  // What may now be appended to the caption: "" or words with the space that joins them to what was said before.
  std::string push(std::string_view partial);
  const std::string& said() const { return said_; }
  void reset();

 private:
  std::vector<std::string> previous_;   // the last partial's words
  std::size_t said_words_ = 0;
  std::string said_;
};

}  // namespace repartee::pipeline
