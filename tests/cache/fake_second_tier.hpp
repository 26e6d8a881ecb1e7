// A second tier whose answers come when the test says so, or not at all.
#pragma once
#include <map>

#include "cache/second_tier.hpp"

namespace repartee::cache::test {

inline Bytes bytes(std::string text) { return std::make_shared<const std::string>(std::move(text)); }

class FakeSecondTier final : public SecondTier {
 public:
  enum class Mood { prompt, slow, down };  // slow: answers wait for release()

  void get(Kind, std::string key, std::function<void(Result<std::optional<StoredValue>>)> done) override {
    ++gets;
    if (mood == Mood::down) return done(Error{Errc::unavailable, "away"});
    auto answer = [this, key, done] {
      const auto found = values.find(key);
      if (found == values.end()) done(std::optional<StoredValue>());
      else done(std::optional<StoredValue>({found->second, std::chrono::minutes(10)}));
    };
    if (mood == Mood::slow) waiting.push_back(answer);
    else answer();
  }
  void put(Kind, std::string key, Bytes value, Duration) override { values[key] = *value; }
  void add_hits(Kind, std::string key, int n) override { hits[key] += n; }
  void remove_prefix(std::string prefix) override {
    removed.push_back(prefix);
    std::erase_if(values, [&](const auto& entry) { return entry.first.starts_with(prefix); });
  }
  void most_used(Kind kind, std::size_t entries_max, std::size_t, std::function<void(std::string, StoredValue)> each) override {
    const auto prefix = std::string(policy_of(default_policies(), kind).category) + ":";
    for (const auto& [key, value] : values)
      if (key.starts_with(prefix) && entries_max-- > 0) each(key, {value, std::chrono::minutes(10)});
  }
  void release() {
    for (auto& answer : std::exchange(waiting, {})) answer();
  }

  Mood mood = Mood::prompt;
  int gets = 0;
  std::map<std::string, std::string> values;
  std::map<std::string, int> hits;
  std::vector<std::string> removed;
  std::vector<std::function<void()>> waiting;
};

}  // namespace repartee::cache::test
