#include "cache/kinds.hpp"

#include <algorithm>

#include "persistence/digest.hpp"

namespace repartee::cache {
namespace {

using namespace std::chrono_literals;

bool is_key_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_.:/@+-").find(c) != std::string_view::npos;
}

constexpr std::size_t scope_bytes_max = 120;

}  // namespace

Policies default_policies() {
  Policies all;
  const auto set = [&](Kind kind, KindPolicy policy) { all[static_cast<std::size_t>(kind)] = std::move(policy); };
  set(Kind::embedding, {.category = "embedding", .ttl = 1h, .second = SecondTierUse::beside});
  set(Kind::vector_search, {.category = "search", .ttl = 30min, .second = SecondTierUse::beside});
  set(Kind::llm_response, {.category = "llm", .ttl = 1h, .second = SecondTierUse::beside});
  set(Kind::tts_audio, {.category = "tts", .ttl = 24h * 7, .second = SecondTierUse::beside});
  set(Kind::audio_track, {.category = "audio", .ttl = 1h});
  set(Kind::analysis, {.category = "analysis", .ttl = 1h});
  set(Kind::audio_features, {.category = "features", .ttl = 24h});
  set(Kind::similarity, {.category = "similarity", .ttl = 30min});
  set(Kind::packets, {.category = "packets", .ttl = 24h * 7});   // made anew for less than a row costs
  return all;
}

std::string make_key(const KindPolicy& policy, std::string_view owner, std::string_view scope, std::string_view detail) {
  std::string key(policy.category);
  key += ':';
  key += owner.empty() ? public_owner : owner;
  key += ':';
  if (!scope.empty()) {
    for (const char c : scope.substr(0, scope_bytes_max)) key += is_key_character(c) && c != ':' ? c : '_';
    key += ':';
  }
  key += detail;
  return key;
}

std::string digest_of(std::string_view material) { return persistence::sha256_hex(material); }

bool is_key(std::string_view text) {
  return !text.empty() && text.size() <= key_bytes_max && std::all_of(text.begin(), text.end(), is_key_character) &&
         std::count(text.begin(), text.end(), ':') >= 2;
}

bool is_key_prefix(std::string_view text) {
  return !text.empty() && text.size() <= key_bytes_max && std::all_of(text.begin(), text.end(), is_key_character);
}

std::string_view owner_in(std::string_view key) {
  const auto from = key.find(':');
  if (from == std::string_view::npos) return {};
  const auto to = key.find(':', from + 1);
  if (to == std::string_view::npos) return {};
  const auto owner = key.substr(from + 1, to - from - 1);
  return owner == public_owner ? std::string_view() : owner;
}

std::array<std::string, kinds_count> prefixes_of(const Policies& policies, std::string_view owner) {
  std::array<std::string, kinds_count> prefixes;
  for (std::size_t i = 0; i < kinds_count; ++i)
    prefixes[i] = std::string(policies[i].category) + ':' + std::string(owner.empty() ? public_owner : owner) + ':';
  return prefixes;
}

}  // namespace repartee::cache
