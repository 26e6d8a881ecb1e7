// A PhraseCache that keeps everything, in a map. Knows no slow tier.
// Thread contract: as PhraseCache; `values` and `puts` once nobody uses it.
#pragma once
#include <map>
#include <mutex>
#include <tuple>

#include "pipeline/phrase_cache.hpp"

namespace repartee::test {

class MapPhraseCache final : public pipeline::PhraseCache {
 public:
  pipeline::PhraseBytes find_now(const pipeline::PhraseKey& key, TimePoint) override {
    std::lock_guard lock(mutex_);
    const auto at = values.find(name_of(key));
    return at == values.end() ? nullptr : at->second;
  }
  StreamPtr find_later(Loop& loop, const pipeline::PhraseKey&, std::function<void(pipeline::PhraseBytes)> done) override {
    return loop.after(Duration::zero(), [done = std::move(done)] { done(nullptr); });
  }
  void put(const pipeline::PhraseKey& key, std::string bytes, TimePoint) override {
    std::lock_guard lock(mutex_);
    values[name_of(key)] = std::make_shared<const std::string>(std::move(bytes));
    ++puts[key.kind];
  }

  using Name = std::tuple<pipeline::PhraseKind, std::string, std::string, std::string>;
  static Name name_of(const pipeline::PhraseKey& key) { return {key.kind, key.owner, key.scope, key.material}; }
  std::map<Name, pipeline::PhraseBytes> values;
  std::map<pipeline::PhraseKind, int> puts;

 private:
  std::mutex mutex_;
};

}  // namespace repartee::test
