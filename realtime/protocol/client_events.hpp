// Bytes from a client -> typed events. Hostile input: depth, sizes and types are checked here, and every refusal names the field.
// Thread contract: pure functions.
#pragma once
#include <string>
#include <string_view>
#include <variant>

#include "realtime/protocol/items.hpp"

namespace repartee::realtime {

struct SessionUpdate { std::string session_json; };              // for apply_session_update
struct InputAudioAppend { std::string bytes; };                  // base64 decoded
struct InputAudioCommit {};
struct InputAudioClear {};
struct OutputAudioClear {};
struct ItemCreate { Item item; std::optional<std::string> previous_item_id; };   // "root" puts it first
struct ItemRetrieve { std::string item_id; };
struct ItemDelete { std::string item_id; };
struct ItemTruncate { std::string item_id; int content_index = 0; std::int64_t audio_end_ms = 0; };
struct ResponseCreate {
  std::optional<std::string> instructions;
  std::optional<bool> audio_out;
  std::optional<int> output_tokens_max;
  std::optional<std::string> voice;
  std::optional<AudioFormat> output_format;
  std::optional<bool> parallel_tool_calls;
  bool out_of_band = false;                                      // conversation: "none"
  std::optional<std::vector<Item>> input;                        // replaces the conversation as context; references are resolved by the session
  std::string metadata_json = "null", tools_json, tool_choice_json;
};
struct ResponseCancel { std::string response_id; };              // empty: the active one
struct Playback { std::string item_id; std::int64_t played_ms = 0; };   // repartee.playback

using ClientEventBody = std::variant<SessionUpdate, InputAudioAppend, InputAudioCommit, InputAudioClear, OutputAudioClear, ItemCreate, ItemRetrieve,
                                     ItemDelete, ItemTruncate, ResponseCreate, ResponseCancel, Playback>;
struct ClientEvent {
  std::string event_id;                                          // empty: none was given
  ClientEventBody body;
};

struct ClientEventLimits {
  std::size_t depth_max = 32;                                    // nesting of the JSON text, checked before it is parsed
  std::size_t values_max = 50'000;                               // values in the JSON text, likewise
  std::size_t audio_bytes_max = 15 * 1024 * 1024;                // one append, as base64
  std::size_t text_bytes_max = 256 * 1024;                       // one text part
  std::size_t content_parts_max = 64;
  std::size_t id_chars_max = 64, event_id_chars_max = 512;
  std::size_t input_items_max = 256;                             // of one response.create
  std::size_t metadata_pairs_max = 16, metadata_key_chars_max = 64, metadata_value_chars_max = 512;
  SessionConfigLimits session = {};                                // for what a response.create overrides
};
// An error carries the client's event_id where it had a usable one. An item without an id gets none here.
Expected<ClientEvent> parse_client_event(std::string_view text, const ClientEventLimits& limits = {});

}  // namespace repartee::realtime
