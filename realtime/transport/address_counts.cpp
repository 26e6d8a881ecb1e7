#include "realtime/transport/address_counts.hpp"

#include <boost/asio/ip/address.hpp>

namespace repartee::transport {
namespace {

// Empty: not counted.
std::string counted_as(const std::string& text) {
  namespace ip = boost::asio::ip;
  boost::system::error_code error;
  const ip::address address = ip::make_address(text, error);
  if (error || address.is_loopback()) return {};
  if (address.is_v4()) return text;
  const auto bytes = address.to_v6().to_bytes();
  if (address.to_v6().is_v4_mapped()) return {reinterpret_cast<const char*>(bytes.data()) + 12, 4};
  return {reinterpret_cast<const char*>(bytes.data()), 8};
}

}  // namespace

bool AddressCounts::enter(const std::string& address) {
  if (each_max_ == 0) return true;
  const std::string key = counted_as(address);
  if (key.empty()) return true;
  std::lock_guard lock(mutex_);
  auto& count = open_[key];
  if (count >= each_max_) return false;
  ++count;
  return true;
}

void AddressCounts::leave(const std::string& address) {
  if (each_max_ == 0) return;
  const std::string key = counted_as(address);
  std::lock_guard lock(mutex_);
  const auto at = open_.find(key);
  if (at != open_.end() && --at->second == 0) open_.erase(at);
}

}  // namespace repartee::transport
