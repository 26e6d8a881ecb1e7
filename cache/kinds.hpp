// What kinds of things are cached, for how long and where, and how their keys are made. The table is data-model.md's.
// A key reads category:owner:detail. The owner is a user's id, or "public" for what belongs to everybody; so what came from a user's data
// is found by its owner, in memory by prefix and in the database by user_id. Key characters: letters, digits and _ . : / @ + -
// Thread contract: values and pure functions.
#pragma once
#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/clock.hpp"

namespace repartee::cache {

using Bytes = std::shared_ptr<const std::string>;  // null: known not to exist (a negative entry), or not found, as the place says

enum class Kind { embedding, vector_search, llm_response, tts_audio, audio_track, analysis, audio_features, similarity, packets };
constexpr std::size_t kinds_count = 9;

// How the second tier takes part when the first has nothing.
enum class SecondTierUse {
  never,   // first tier only
  beside,  // asked while the real work runs; the first answer wins: the voice path
  before,  // asked first, within its patience: where the real work costs much more than a look-up
};

struct KindPolicy {
  std::string_view category;
  Duration ttl = std::chrono::hours(1);
  Duration negative_ttl = std::chrono::seconds(30);
  SecondTierUse second = SecondTierUse::never;
  Duration patience = Millis(50);                    // how long the second tier's answer is waited for
  Duration load_timeout = std::chrono::seconds(30);  // the loader must have answered by then
  std::size_t value_bytes_max = 8 * 1024 * 1024;     // larger values are not cached
  int refresh_hits_min = 3;                          // asked at least that often, a value is renewed before it expires
  // The form kept in the second tier, where it differs. Run on the second tier's threads. nullopt: the bytes are not what they should be.
  std::function<std::optional<std::string>(std::string_view)> pack = {};
  std::function<std::optional<std::string>(std::string_view)> unpack = {};
};
using Policies = std::array<KindPolicy, kinds_count>;
Policies default_policies();
inline const KindPolicy& policy_of(const Policies& policies, Kind kind) { return policies[static_cast<std::size_t>(kind)]; }

constexpr std::string_view public_owner = "public";
constexpr std::size_t key_bytes_max = 300;
constexpr double refresh_share = 0.2;  // of the TTL: a value is renewed when less is left

// owner: a user's id, or empty for everybody. Characters a key may not have are replaced by '_' in scope; detail is made by digest_of.
std::string make_key(const KindPolicy& policy, std::string_view owner, std::string_view scope, std::string_view detail);
// The SHA-256 of everything a value depends on, in hexadecimal.
std::string digest_of(std::string_view material);
bool is_key(std::string_view text);
bool is_key_prefix(std::string_view text);        // some key could begin so; not empty
std::string_view owner_in(std::string_view key);  // "" for a public key, or for what is none
// "category:owner:" of every kind for this user.
std::array<std::string, kinds_count> prefixes_of(const Policies& policies, std::string_view owner);

}  // namespace repartee::cache
