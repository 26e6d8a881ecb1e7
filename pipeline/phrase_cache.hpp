// What voices, language models and knowledge need of a cache: what was said, answered, embedded, found or encoded before. Implemented in cache/phrases.hpp.
// Thread contract: find_now, find_later and put on a loop, with its time; never block. find_later's callback runs on that loop, not from
// inside the call and not once the handle is destroyed.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/loop.hpp"

namespace repartee::pipeline {

enum class PhraseKind { audio, answer, embedding, retrieval, packets };

struct PhraseKey {
  PhraseKind kind = PhraseKind::audio;
  std::string owner;     // whose data it comes from (a user's id); empty: everybody may have it
  std::string scope;     // readable, for removing by prefix: "kokoro/af_heart"
  std::string material;  // everything the result depends on; only its hash is kept
};
using PhraseBytes = std::shared_ptr<const std::string>;  // null: not there

class PhraseCache {
 public:
  virtual ~PhraseCache() = default;
  virtual PhraseBytes find_now(const PhraseKey& key, TimePoint now) = 0;                                      // memory
  virtual StreamPtr find_later(Loop& loop, const PhraseKey& key, std::function<void(PhraseBytes)> done) = 0;  // the slow tier
  virtual void put(const PhraseKey& key, std::string bytes, TimePoint now) = 0;
};

}  // namespace repartee::pipeline
