#include "realtime/protocol/append_fast_path.hpp"

#include <algorithm>

#include "realtime/protocol/base64.hpp"

namespace repartee::realtime {
namespace {

struct Cursor {
  std::string_view rest;

  void skip_space() {
    while (!rest.empty() && (rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\n' || rest[0] == '\r')) rest.remove_prefix(1);
  }
  bool take(char c) {
    skip_space();
    if (rest.empty() || rest[0] != c) return false;
    rest.remove_prefix(1);
    return true;
  }
  // Up to the next quote. Escapes and what JSON forbids in a string are the caller's to notice.
  std::optional<std::string_view> take_string() {
    if (!take('"')) return std::nullopt;
    const std::size_t end = rest.find('"');
    if (end == std::string_view::npos) return std::nullopt;
    const auto value = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    return value;
  }
};

bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f && c != '\\'; });
}

struct Found {
  std::optional<std::string_view> type, event_id, audio;
};

// Each of the three keys at most once, and no others.
bool keep(Found& found, std::string_view key, std::string_view value) {
  auto* place = key == "type" ? &found.type : key == "event_id" ? &found.event_id : key == "audio" ? &found.audio : nullptr;
  if (!place || *place) return false;
  *place = value;
  return true;
}

bool read_pairs(std::string_view text, Found& found) {
  Cursor cursor{text};
  if (!cursor.take('{')) return false;
  do {
    const auto key = cursor.take_string();
    if (!key || !cursor.take(':')) return false;
    const auto value = cursor.take_string();
    if (!value || !keep(found, *key, *value)) return false;
  } while (cursor.take(','));
  if (!cursor.take('}')) return false;
  cursor.skip_space();
  return cursor.rest.empty();
}

// What an append says, its audio still as base64.
struct Append {
  std::string_view event_id, audio;
};

std::optional<Append> find_append(std::string_view text, const ClientEventLimits& limits) {
  Found found;
  if (!read_pairs(text, found) || found.type != "input_audio_buffer.append" || !found.audio ||
      found.audio->size() > limits.audio_bytes_max) {
    return std::nullopt;
  }
  if (!found.event_id) return Append{{}, *found.audio};
  if (found.event_id->empty() || found.event_id->size() > limits.event_id_chars_max || !is_plain(*found.event_id)) return std::nullopt;
  return Append{*found.event_id, *found.audio};
}

}  // namespace

std::optional<PlainAppend> read_plain_append(std::string_view text, std::span<char> room, const ClientEventLimits& limits) {
  const auto append = find_append(text, limits);
  if (!append || base64::decoded_size_max(append->audio.size()) > room.size()) return std::nullopt;
  const auto size = base64::decode_into(append->audio, room);
  if (!size) return std::nullopt;
  return PlainAppend{append->event_id, {room.data(), *size}};
}

std::optional<ClientEvent> detail::read_append_fast(std::string_view text, const ClientEventLimits& limits) {
  const auto append = find_append(text, limits);
  if (!append) return std::nullopt;
  auto bytes = base64::decode(append->audio);
  if (!bytes) return std::nullopt;
  return ClientEvent{std::string(append->event_id), InputAudioAppend{std::move(*bytes)}};
}

}  // namespace repartee::realtime
