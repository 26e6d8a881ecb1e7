#include "cache/l1.hpp"

#include <algorithm>

namespace repartee::cache {
namespace {

Counter& requests(Metrics& metrics, const char* result) {
  return metrics.counter("repartee_cache_requests_total", "look-ups by tier and result", {{"tier", "l1"}, {"result", result}});
}

}  // namespace

L1::L1(Options options, Metrics& metrics)
    : shard_bytes_max_(options.bytes_max / std::max<std::size_t>(options.shards, 1)),
      shards_(std::max<std::size_t>(options.shards, 1)),
      hits_(requests(metrics, "hit")),
      negative_hits_(requests(metrics, "negative")),
      misses_(requests(metrics, "miss")),
      evictions_(metrics.counter("repartee_cache_l1_evictions_total", "entries that made room for others")),
      expiries_(metrics.counter("repartee_cache_l1_expiries_total", "entries that were met after their time")),
      entries_(metrics.gauge("repartee_cache_l1_entries", "entries in memory")),
      bytes_(metrics.gauge("repartee_cache_l1_bytes", "bytes of the entries in memory")) {}

std::optional<L1::Hit> L1::get(std::string_view key, TimePoint now, int refresh_hits_min) {
  Shard& shard = shard_of(key);
  std::unique_lock lock(shard.mutex);
  const auto found = shard.table.find(key);
  if (found == shard.table.end()) {
    lock.unlock();
    misses_.add();
    return std::nullopt;
  }
  Entry& entry = *found->second;
  if (now >= entry.until) {
    const double freed = static_cast<double>(entry.bytes);
    drop(shard, found->second);
    lock.unlock();
    publish(-1, -freed);
    expiries_.add();
    misses_.add();
    return std::nullopt;
  }
  shard.order.splice(shard.order.begin(), shard.order, found->second);
  ++entry.hits;
  ++entry.hits_untold;
  Hit hit{entry.value, entry.until - now, entry.ttl, entry.hits};
  const bool late = std::chrono::duration<double>(hit.left).count() < refresh_share * std::chrono::duration<double>(hit.ttl).count();
  if (refresh_hits_min > 0 && late && entry.hits >= refresh_hits_min && !entry.refreshing) entry.refreshing = hit.wants_refresh = true;
  lock.unlock();
  (hit.value ? hits_ : negative_hits_).add();
  return hit;
}

bool L1::put(std::string_view key, Bytes value, TimePoint now, Duration ttl) {
  const std::size_t bytes = entry_overhead_bytes + key.size() + (value ? value->size() : 0);
  if (bytes > shard_bytes_max_ || ttl <= Duration::zero()) return false;
  Shard& shard = shard_of(key);
  double entries = 1, grown = static_cast<double>(bytes);
  Order gone;  // freed after the lock is released
  {
    std::lock_guard lock(shard.mutex);
    const auto take_out = [&](Order::iterator entry) {
      entries -= 1;
      grown -= static_cast<double>(entry->bytes);
      shard.bytes -= entry->bytes;
      shard.table.erase(entry->key);
      gone.splice(gone.begin(), shard.order, entry);
    };
    if (const auto present = shard.table.find(key); present != shard.table.end()) take_out(present->second);
    const std::size_t replaced = gone.size();
    while (shard.bytes + bytes > shard_bytes_max_) take_out(std::prev(shard.order.end()));
    if (gone.size() > replaced) evictions_.add(static_cast<double>(gone.size() - replaced));
    shard.order.push_front({std::string(key), std::move(value), now + ttl, ttl, bytes});
    shard.table.emplace(shard.order.front().key, shard.order.begin());
    shard.bytes += bytes;
  }
  publish(entries, grown);
  return true;
}

void L1::drop(Shard& shard, Order::iterator entry) {
  shard.bytes -= entry->bytes;
  shard.table.erase(entry->key);
  shard.order.erase(entry);
}

void L1::publish(double entries, double bytes) {
  entries_.add(entries);
  bytes_.add(bytes);
}

bool L1::erase(std::string_view key) {
  Shard& shard = shard_of(key);
  std::lock_guard lock(shard.mutex);
  const auto found = shard.table.find(key);
  if (found == shard.table.end()) return false;
  publish(-1, -static_cast<double>(found->second->bytes));
  drop(shard, found->second);
  return true;
}

std::size_t L1::erase_prefix(std::string_view prefix) {
  std::size_t count = 0;
  for (Shard& shard : shards_) {
    std::lock_guard lock(shard.mutex);
    for (auto entry = shard.order.begin(); entry != shard.order.end();) {
      const auto next = std::next(entry);
      if (entry->key.starts_with(prefix)) {
        publish(-1, -static_cast<double>(entry->bytes));
        drop(shard, entry);
        ++count;
      }
      entry = next;
    }
  }
  return count;
}

void L1::clear() { erase_prefix(""); }

std::vector<L1::Used> L1::take_hits(std::size_t entries_max) {
  std::vector<Used> used;
  for (Shard& shard : shards_) {
    std::lock_guard lock(shard.mutex);
    for (Entry& entry : shard.order) {
      if (used.size() >= entries_max) return used;
      if (!entry.value || entry.hits_untold == 0) continue;
      used.push_back({entry.key, entry.hits_untold});
      entry.hits_untold = 0;
    }
  }
  return used;
}

std::size_t L1::entries() const {
  std::size_t count = 0;
  for (const Shard& shard : shards_) {
    std::lock_guard lock(shard.mutex);
    count += shard.order.size();
  }
  return count;
}

std::size_t L1::bytes() const {
  std::size_t sum = 0;
  for (const Shard& shard : shards_) {
    std::lock_guard lock(shard.mutex);
    sum += shard.bytes;
  }
  return sum;
}

}  // namespace repartee::cache
