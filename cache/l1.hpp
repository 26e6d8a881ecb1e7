// The first tier: values in this process's memory. Sharded by key; each shard is a hash table with a list in order of use, a share of the
// byte budget and a lock of its own. What is used least goes first; what is too old is not found and goes when met.
// A negative entry (a null value) says that a thing is known not to exist.
// Thread contract: every member from any thread; each takes well below a microsecond, but erase_prefix, clear and take_hits, which walk.
#pragma once
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cache/kinds.hpp"
#include "core/metrics.hpp"

namespace repartee::cache {

class L1 {
 public:
  struct Options {
    std::size_t bytes_max = 64 * 1024 * 1024;  // keys, values and bookkeeping
    std::size_t shards = 16;
  };
  struct Hit {
    Bytes value;                 // null: a negative entry
    Duration left{}, ttl{};      // until it expires, and of how much
    int hits = 0;                // of this entry, this one included
    bool wants_refresh = false;  // once an entry: the caller that gets true renews it
  };
  struct Used {
    std::string key;
    int hits = 0;
  };

  L1(Options options, Metrics& metrics);

  std::optional<Hit> get(std::string_view key, TimePoint now, int refresh_hits_min = 0);  // 0: never asks to be renewed
  bool put(std::string_view key, Bytes value, TimePoint now, Duration ttl);               // false: larger than a shard
  bool erase(std::string_view key);
  std::size_t erase_prefix(std::string_view prefix);
  void clear();
  std::vector<Used> take_hits(std::size_t entries_max);  // hits since they were last taken, of positive entries

  std::size_t entries() const;
  std::size_t bytes() const;
  static constexpr std::size_t entry_overhead_bytes = 160;  // of list node, table node and shared value

 private:
  struct Entry {
    std::string key;
    Bytes value;
    TimePoint until;
    Duration ttl;
    std::size_t bytes = 0;
    int hits = 0, hits_untold = 0;
    bool refreshing = false;
  };
  using Order = std::list<Entry>;  // the most recently used in front
  struct alignas(64) Shard {
    mutable std::mutex mutex;
    Order order;
    std::unordered_map<std::string_view, Order::iterator> table;  // keys live in the entries
    std::size_t bytes = 0;
  };
  Shard& shard_of(std::string_view key) { return shards_[std::hash<std::string_view>{}(key) % shards_.size()]; }
  static void drop(Shard& shard, Order::iterator entry);
  void publish(double entries, double bytes);

  const std::size_t shard_bytes_max_;
  std::vector<Shard> shards_;
  Counter& hits_;
  Counter& negative_hits_;
  Counter& misses_;
  Counter& evictions_;
  Counter& expiries_;
  Gauge& entries_;
  Gauge& bytes_;
};

}  // namespace repartee::cache
