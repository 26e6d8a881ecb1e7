// What the front needs of a tier that outlives this process and is shared by all nodes. The real one is L2 (PostgreSQL tables); tests
// have their own. It may be slow or away: then it answers late or with an error, and nobody waits for it longer than the policy says.
// Thread contract: every member from any thread, none blocks. get()'s answer comes exactly once, on a thread of
// the tier or, when it refuses, from inside the call.
#pragma once
#include <cstdint>

#include "cache/kinds.hpp"
#include "core/result.hpp"

namespace repartee::cache {

struct StoredValue {
  std::string bytes;  // unpacked
  Duration left{};    // until it expires
};

class SecondTier {
 public:
  virtual ~SecondTier() = default;
  virtual void get(Kind kind, std::string key, std::function<void(Result<std::optional<StoredValue>>)> done) = 0;
  virtual void put(Kind kind, std::string key, Bytes value, Duration ttl) = 0;
  virtual void add_hits(Kind kind, std::string key, int hits) = 0;
  // Here and, by an event, at every other node; an empty prefix is everything.
  virtual void remove_prefix(std::string prefix) = 0;
  // What was used most and belongs to everybody, best first, at most so many bytes.
  virtual void most_used(Kind kind, std::size_t entries_max, std::size_t bytes_max,
                         std::function<void(std::string key, StoredValue value)> each) = 0;
};

}  // namespace repartee::cache
