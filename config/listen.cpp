#include <arpa/inet.h>

#include <charconv>

#include "config/load.hpp"

namespace repartee::config {

namespace {

Error refused(std::string_view text) {
  return {Errc::invalid_argument,
          "must be ADDRESS:PORT with an IP address or localhost, as 127.0.0.1:8080, 0.0.0.0:443 or [::1]:8080; got \"" + std::string(text) +
              "\""};
}

bool is_loopback(const std::string& address) {
  in_addr v4{};
  if (inet_pton(AF_INET, address.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  return address == "::1";
}

}  // namespace

Result<ListenAddress> parse_listen(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos) return refused(text);
  const std::string_view port = text.substr(colon + 1);
  std::string address(text.substr(0, colon));
  ListenAddress result;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), result.port);
  if (port.empty() || error != std::errc() || end != port.data() + port.size()) return refused(text);

  in6_addr v6{};
  in_addr v4{};
  if (address.starts_with('[') && address.ends_with(']')) {
    address = address.substr(1, address.size() - 2);
    if (inet_pton(AF_INET6, address.c_str(), &v6) != 1) return refused(text);
  } else {
    if (address == "localhost") address = "127.0.0.1";
    if (inet_pton(AF_INET, address.c_str(), &v4) != 1) return refused(text);
  }
  result.address = address;
  result.loopback = is_loopback(address);
  return result;
}

}  // namespace repartee::config
