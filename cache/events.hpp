// Hears from other nodes, and from the database's own triggers, what is no longer so, and passes it on: to the memory of the cache, and to
// whoever else remembers things (prefix "clone:" for clones). After a time without connection everything is forgotten, since what was said
// meanwhile is not known.
// Thread contract: made and destroyed on the owner's thread; handlers run on a thread of its own.
#pragma once
#include <memory>

#include "cache/tiered.hpp"
#include "persistence/notification_listener.hpp"

namespace repartee::cache {

class CacheEvents {
 public:
  struct Options {
    std::string node = "local";                           // its own events are not for itself; as L2::Options::node
    persistence::NotificationListener::Options listener;  // channels are filled in
  };
  // on_other: every prefix, after the cache was told.
  CacheEvents(persistence::DatabaseTarget target, TieredCache& cache, std::function<void(std::string_view prefix)> on_other,
              Options options, Metrics& metrics);

  bool listening() const { return listener_->listening(); }

 private:
  void hear(std::string_view payload);

  TieredCache& cache_;
  const std::function<void(std::string_view)> on_other_;
  const std::string node_;
  Counter& heard_;
  std::unique_ptr<persistence::NotificationListener> listener_;  // last: its thread ends first
};

}  // namespace repartee::cache
