// The fields that session.update and response.create share, read from a message. Included by this folder's .cpp files only.
// Thread contract: pure functions; errors go to the Fields' FirstError.
#pragma once
#include <optional>
#include <string>

#include "realtime/protocol/json_fields.hpp"
#include "realtime/protocol/session_config.hpp"

namespace repartee::realtime::detail {

// Where a field of the beta protocol has gone.
struct BetaField {
  std::string_view name, successor;
};
void refuse_beta_fields(const Fields& fields, std::span<const BetaField> beta_fields);

void read_output_modalities(const Fields& fields, bool& audio_out);
void read_output_tokens_max(const Fields& fields, std::optional<int>& tokens_max);
bool read_format(const Fields& fields, AudioFormat& format);                       // "format": {type, rate}
bool read_voice(const Fields& fields, std::string& voice, std::size_t chars_max);  // "voice": a name, {id}, or null (empty)
void read_tools(const Fields& fields, std::string& tools_json, const SessionConfigLimits& limits);
void read_tool_choice(const Fields& fields, std::string& tool_choice_json, const SessionConfigLimits& limits);
void refuse_prompt(const Fields& fields);
void read_parallel_tool_calls(const Fields& fields, std::optional<bool>& parallel);
void read_reasoning(const Fields& fields, std::string& reasoning_json, const SessionConfigLimits& limits);   // accepted and shown; no model here reads it

}  // namespace repartee::realtime::detail
