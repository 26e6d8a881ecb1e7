// One front for all tiers. get() answers from memory at once; otherwise it asks the second tier and the loader as the kind's policy says,
// once for all who want the same key at the same time (single flight), whatever loops they live on, and remembers the answer, also that
// there is none. A value that is asked often is renewed before it expires. A second tier that is away or slow costs its patience at most,
// never an answer. What was invalidated while it was being loaded is handed out but not kept.
// Voices and language models stream, so they have no use for get(): they peek, ask and put.
// Flights need no limit of their own: there are never more than askers, whose number the sessions' limit bounds.
// Thread contract: get, ask and peek on the loop given; their callbacks run there, never from inside the call, and not once the returned
// handle is destroyed. Everything else from any thread. Handles may outlive the cache. The loops and the second tier must
// outlive it; destroy it when the loops do not run any more.
#pragma once
#include <memory>

#include "cache/l1.hpp"
#include "cache/second_tier.hpp"
#include "core/loop.hpp"

namespace repartee::cache {

enum class Source { memory, second_tier, loader };

class TieredCache {
 public:
  struct Options {
    L1::Options l1;
    Policies policies = default_policies();
    std::size_t warm_entries_max = 256;                  // of each kind, at start
    double warm_share = 0.25;                            // of the first tier's bytes, for all kinds together
    Duration flush_interval = std::chrono::seconds(30);  // hit counts on their way to the second tier; zero: only flush_hits()
    std::size_t flush_entries_max = 10'000;
  };
  // null: there is no such thing (a negative entry).
  using Done = std::function<void(Result<Bytes>, Source)>;
  // The real work. It must not depend on who asked: others may be waiting for it when they are gone. Runs on the loop of the first asker.
  using Loader = std::function<StreamPtr(Loop&, std::function<void(Result<Bytes>)> done)>;

  TieredCache(Options options, SecondTier* second, Metrics& metrics);  // null: memory only
  ~TieredCache();

  StreamPtr get(Loop& loop, Kind kind, const std::string& key, Loader loader, Done done);

  // Memory only. `wants_refresh` of a hit: the caller should put() the value again.
  std::optional<L1::Hit> peek(Kind kind, std::string_view key, TimePoint now);
  // The second tier only, within its patience; null: nothing came.
  StreamPtr ask(Loop& loop, Kind kind, const std::string& key, std::function<void(Bytes)> done);
  void put(Kind kind, const std::string& key, Bytes value, TimePoint now);

  // Here, in the second tier and on every node.
  void invalidate(const std::string& prefix);
  void forget_owner(const std::string& user_id);  // everything that came from a user's data
  // Only in this process's memory: what another node's event says. An empty prefix is everything.
  void forget_here(std::string_view prefix);

  void warm(TimePoint now);  // in the background
  void flush_hits();
  const Policies& policies() const;
  const L1& l1() const;

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with flights and handles, which may outlive the cache
};

}  // namespace repartee::cache
