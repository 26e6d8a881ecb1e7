#include "realtime/auth/limit_subject.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

namespace repartee::auth {
namespace {

constexpr std::string_view mapped_prefix = "::ffff:";  // an IPv4 address seen through an IPv6 socket
constexpr std::size_t network_bytes = 8;
constexpr std::size_t text_bytes_max = 100;

}  // namespace

std::string address_subject(const std::string& remote_address) {
  std::string_view text = remote_address;
  if (text.starts_with(mapped_prefix) && text.find('.') != text.npos) text.remove_prefix(mapped_prefix.size());
  in6_addr address{};
  if (inet_pton(AF_INET6, std::string(text).c_str(), &address) != 1) return "addr:" + std::string(text.substr(0, text_bytes_max));
  std::fill(std::begin(address.s6_addr) + network_bytes, std::end(address.s6_addr), 0);
  std::array<char, INET6_ADDRSTRLEN> network{};
  inet_ntop(AF_INET6, &address, network.data(), network.size());
  return "addr:" + std::string(network.data()) + "/64";
}

std::string limit_subject(const Caller& caller, const std::string& remote_address, bool open_on_loopback) {
  if (!caller.user_id.empty()) return "user:" + caller.user_id;
  if (!caller.key_name.empty()) return "key:" + caller.key_name;
  const bool loopback = remote_address.starts_with("127.") || remote_address == "::1" || remote_address.starts_with("::ffff:127.");
  return open_on_loopback && loopback ? local_subject : address_subject(remote_address);
}

}  // namespace repartee::auth
