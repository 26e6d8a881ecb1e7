// Conversation items and responses, as the protocol shows them. Thread contract: values.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "realtime/protocol/session_config.hpp"

namespace repartee::realtime {

enum class ItemKind { message, function_call, function_call_output, reference };   // reference: only in response.create, by id
enum class ItemRole { user, assistant, system };
enum class ItemStatus { in_progress, completed, incomplete };
enum class PartType { input_text, input_audio, output_text, output_audio };

struct ContentPart {
  PartType type = PartType::input_text;
  std::string text;                    // text of *_text, transcript of *_audio
  bool has_transcript = true;          // false: an input_audio whose transcript is not known yet (null on the wire)
  std::string audio = {};              // of an input_audio that a client sends, decoded; not kept in the conversation
};

struct Item {
  std::string id;                      // "item_..."; client-chosen ids are kept (at most 64 characters)
  ItemKind kind = ItemKind::message;
  ItemRole role = ItemRole::user;
  ItemStatus status = ItemStatus::completed;
  std::vector<ContentPart> content;
  std::string name, call_id, arguments, output;   // function calls and their outputs
};

enum class ResponseStatus { in_progress, completed, cancelled, incomplete, failed };
struct Usage {
  std::int64_t input_text_tokens = 0, input_audio_tokens = 0, output_text_tokens = 0, output_audio_tokens = 0;
};
struct ResponseView {
  std::string id, conversation_id;
  ResponseStatus status = ResponseStatus::in_progress;
  std::string reason;                  // turn_detected, client_cancelled, max_output_tokens, content_filter
  std::string error_type, error_code;  // of a failed one
  bool audio_out = true;
  AudioFormat output_format;
  std::string voice;
  std::optional<int> output_tokens_max;
  std::string metadata_json = "null";  // echoed as sent
  std::vector<Item> output;
  std::optional<Usage> usage;          // on done
};

}  // namespace repartee::realtime
