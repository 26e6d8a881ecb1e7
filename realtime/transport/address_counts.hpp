// How many connections each address has open. Loopback is not counted: that is a proxy, or somebody at the machine. Of an IPv6 address the
// network (/64) counts, of which one machine has them all.
// Thread contract: any thread.
#pragma once
#include <mutex>
#include <string>
#include <unordered_map>

namespace repartee::transport {

class AddressCounts {
 public:
  explicit AddressCounts(std::size_t each_max) : each_max_(each_max) {}   // 0: no limit, nothing is counted
  bool enter(const std::string& address);       // false: it has as many as it may
  void leave(const std::string& address);       // once for each enter() that was true

 private:
  const std::size_t each_max_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::size_t> open_;
};

}  // namespace repartee::transport
