#include "cache/events.hpp"

#include "cache/l2.hpp"

namespace repartee::cache {
namespace {

persistence::NotificationListener::Options on_our_channel(persistence::NotificationListener::Options options) {
  options.channels = {L2::channel};
  return options;
}

}  // namespace

CacheEvents::CacheEvents(persistence::DatabaseTarget target, TieredCache& cache, std::function<void(std::string_view)> on_other,
                         Options options, Metrics& metrics)
    : cache_(cache),
      on_other_(std::move(on_other)),
      node_(std::move(options.node)),
      heard_(metrics.counter("repartee_cache_events_total", "invalidations heard from other nodes")),
      listener_(std::make_unique<persistence::NotificationListener>(
          std::move(target), on_our_channel(std::move(options.listener)),
          persistence::NotificationListener::Callbacks{
              .on_notification = [this](std::string_view, std::string_view payload) { hear(payload); },
              .on_listening =
                  [this](bool again) {
                    if (!again) return;
                    cache_.forget_here("");
                    if (on_other_) on_other_("");
                  }},
          metrics)) {}

void CacheEvents::hear(std::string_view payload) {
  const auto space = payload.find(' ');
  if (space == std::string_view::npos || payload.substr(0, space) == node_) return;
  const auto prefix = payload.substr(space + 1);
  heard_.add();
  cache_.forget_here(prefix);
  if (on_other_) on_other_(prefix);
}

}  // namespace repartee::cache
