#include "realtime/protocol/session_fields.hpp"

#include <algorithm>

#include "realtime/protocol/error_codes.hpp"

namespace repartee::realtime::detail {
namespace {

namespace codes = error_codes;

constexpr int output_tokens_max_max = 4096;      // OpenAI's own limit
constexpr std::size_t tool_name_chars_max = 64;  // what every LLM API takes

bool is_tool_name(std::string_view name) {
  return std::ranges::all_of(
      name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-'; });
}

// {"type":"function", ...}: what tools and tool_choice have in common.
void check_function(const Fields& function, const SessionConfigLimits& limits) {
  std::string type, name;
  if (function.text("type", type, limits.name_chars_max) && type != "function") {
    const char* message = type == "mcp"
                              ? "MCP tools are not supported by this server: offer the tool as a function and run it in the client."
                              : "Only tools of type 'function' are supported.";
    function.fail("type", codes::unsupported_content, message);
  }
  if (function.require("name") && function.identifier("name", name, tool_name_chars_max) && !is_tool_name(name)) {
    function.fail("name", codes::invalid_value, "Invalid '" + function.path_of("name") + "': expected only letters, digits, '_' and '-'.");
  }
}

void check_tool(const Fields& tool, const SessionConfigLimits& limits) {
  std::string description;
  check_function(tool, limits);
  tool.text("description", description, limits.open_json_bytes_max);
  tool.object("parameters");
}

bool rate_allowed(Codec codec, int rate_hz) {
  switch (codec) {
    case Codec::pcm: return rate_hz == 8000 || rate_hz == 16000 || rate_hz == 24000 || rate_hz == 48000;
    case Codec::pcmu:
    case Codec::pcma: return rate_hz == 8000;
    case Codec::opus: return rate_hz == 48000;
  }
  return false;
}

int default_rate_hz(Codec codec) {
  switch (codec) {
    case Codec::pcm: return 24000;
    case Codec::pcmu:
    case Codec::pcma: return 8000;
    case Codec::opus: return 48000;
  }
  return 0;
}

constexpr Choice<Codec> codecs[] = {
    {"audio/pcm", Codec::pcm}, {"audio/pcmu", Codec::pcmu}, {"audio/pcma", Codec::pcma}, {"audio/opus", Codec::opus}};

}  // namespace

void refuse_beta_fields(const Fields& fields, std::span<const BetaField> beta_fields) {
  for (const auto& [name, successor] : beta_fields) {
    if (!fields.find(name)) continue;
    fields.fail(
        name, codes::unknown_parameter,
        "Unknown parameter: '" + fields.path_of(name) + "'. It belongs to the beta protocol; use '" + fields.path_of(successor) + "'.");
  }
}

void read_output_modalities(const Fields& fields, bool& audio_out) {
  const Json* modalities = fields.array("output_modalities", 2);
  if (!modalities) return;
  if (*modalities == Json::array({"audio"})) {
    audio_out = true;
  } else if (*modalities == Json::array({"text"})) {
    audio_out = false;
  } else {
    fields.fail("output_modalities", codes::invalid_value, "Invalid modalities. Supported combinations are: ['audio'] and ['text'].");
  }
}

void read_output_tokens_max(const Fields& fields, std::optional<int>& tokens_max) {
  constexpr std::string_view name = "max_output_tokens";
  const Json* value = fields.find(name);
  if (!value) return;
  if (*value == "inf") {
    tokens_max.reset();
  } else if (value->is_string()) {
    fields.fail(name, codes::invalid_value, "Invalid '" + fields.path_of(name) + "': expected an integer or 'inf'.");
  } else {
    int tokens = 0;
    if (fields.integer(name, tokens, 1, output_tokens_max_max)) tokens_max = tokens;
  }
}

bool read_format(const Fields& fields, AudioFormat& format) {
  const Json* value = fields.find("format");
  if (!value) return false;
  if (value->is_string()) {
    fields.fail("format", codes::invalid_type,
                "Invalid type for '" + fields.path_of("format") + "': expected an object such as {\"type\":\"audio/pcm\",\"rate\":24000}.");
    return false;
  }
  const auto object = fields.object("format");
  AudioFormat read;
  if (!object || !object->require("type") || !object->choice("type", read.codec, codecs)) return false;
  read.rate_hz = default_rate_hz(read.codec);
  if (object->find("rate") && !object->integer("rate", read.rate_hz, 1, 1'000'000)) return false;
  if (!rate_allowed(read.codec, read.rate_hz)) {
    object->fail("rate", codes::invalid_value,
                 "Invalid value for '" + object->path_of("rate") +
                     "'. audio/pcm has 8000, 16000, 24000 or 48000; audio/pcmu and audio/pcma have 8000; audio/opus has 48000.");
    return false;
  }
  return format = read, true;
}

bool read_voice(const Fields& fields, std::string& voice, std::size_t chars_max) {
  const Json* value = fields.find("voice");
  if (!value) return false;
  if (value->is_null()) return voice.clear(), true;
  if (!value->is_object()) return fields.identifier("voice", voice, chars_max);
  const auto object = fields.object("voice");
  return object->require("id") && object->identifier("id", voice, chars_max);
}

void read_tools(const Fields& fields, std::string& tools_json, const SessionConfigLimits& limits) {
  const Json* tools = fields.array("tools", limits.tools_max);
  if (!tools) return;
  for (std::size_t i = 0; i < tools->size(); ++i) {
    if (const auto tool = fields.element("tools", *tools, i)) check_tool(*tool, limits);
  }
  fields.keep_json("tools", tools_json, limits.open_json_bytes_max);
}

void read_tool_choice(const Fields& fields, std::string& tool_choice_json, const SessionConfigLimits& limits) {
  constexpr std::string_view name = "tool_choice";
  const Json* value = fields.find(name);
  if (!value) return;
  if (value->is_string()) {
    std::string_view chosen;
    constexpr Choice<std::string_view> choices[] = {{"auto", "auto"}, {"none", "none"}, {"required", "required"}};
    fields.choice(name, chosen, choices);
  } else if (const auto object = fields.object(name)) {
    object->require("type");
    check_function(*object, limits);
  }
  fields.keep_json(name, tool_choice_json, limits.open_json_bytes_max);
}

void refuse_prompt(const Fields& fields) {
  if (!fields.find("prompt") || fields.is_null("prompt")) return;
  fields.fail("prompt", codes::unsupported_content, "Prompts stored at OpenAI are not known here: send their text as 'instructions'.");
}

void read_parallel_tool_calls(const Fields& fields, std::optional<bool>& parallel) {
  bool value = true;
  if (fields.boolean("parallel_tool_calls", value)) parallel = value;
}

void read_reasoning(const Fields& fields, std::string& reasoning_json, const SessionConfigLimits& limits) {
  if (!fields.find("reasoning")) return;
  if (!fields.is_null("reasoning")) {
    const auto reasoning = fields.object("reasoning");
    if (!reasoning) return;
    std::string_view effort;
    constexpr Choice<std::string_view> efforts[] = {{"minimal", ""}, {"low", ""}, {"medium", ""}, {"high", ""}, {"xhigh", ""}};
    if (!reasoning->is_null("effort")) reasoning->choice("effort", effort, efforts);
  }
  fields.keep_json("reasoning", reasoning_json, limits.open_json_bytes_max);
}

}  // namespace repartee::realtime::detail
