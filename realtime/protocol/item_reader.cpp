#include "realtime/protocol/item_reader.hpp"

#include "realtime/protocol/base64.hpp"
#include "realtime/protocol/error_codes.hpp"

namespace repartee::realtime::detail {
namespace {

namespace codes = error_codes;

struct Refusal {
  std::string_view type, message;
};

constexpr Refusal refused_parts[] = {
    {"input_image", "Images are not supported by this server: describe the image in an 'input_text' part."},
    {"item_reference", "A reference is an item of its own, in 'response.input'."},
    {"text", "The part type 'text' belongs to the beta protocol: use 'input_text' or 'output_text'."},
    {"audio", "The part type 'audio' belongs to the beta protocol: use 'output_audio'."},
};
constexpr Refusal refused_items[] = {
    {"mcp_approval_response", "MCP tools are not supported by this server."},
    {"mcp_list_tools", "MCP tools are not supported by this server."},
    {"mcp_call", "MCP tools are not supported by this server."},
    {"mcp_approval_request", "MCP tools are not supported by this server."},
};

// Says why a known type is not taken; other types are left to the choice that follows.
void refuse_types(const Fields& fields, std::span<const Refusal> refusals) {
  const Json* type = fields.find("type");
  if (!type) return;
  for (const auto& refusal : refusals) {
    if (*type == refusal.type) fields.fail("type", codes::unsupported_content, std::string(refusal.message));
  }
}

void read_part_type(const Fields& fields, ItemRole role, PartType& type) {
  constexpr Choice<PartType> spoken[] = {{"input_text", PartType::input_text}, {"input_audio", PartType::input_audio}};
  constexpr Choice<PartType> written[] = {{"input_text", PartType::input_text}};
  constexpr Choice<PartType> said[] = {{"output_text", PartType::output_text}, {"output_audio", PartType::output_audio}};
  refuse_types(fields, refused_parts);
  if (!fields.require("type")) return;
  if (role == ItemRole::assistant) fields.choice("type", type, said);
  else if (role == ItemRole::user) fields.choice("type", type, spoken);
  else fields.choice("type", type, written);
}

// Its transcript is made here, whatever the client thinks it says.
void read_audio(const Fields& fields, ContentPart& part, const ClientEventLimits& limits) {
  part.has_transcript = false;
  std::string text;
  if (!fields.require("audio") || !fields.text("audio", text, limits.audio_bytes_max)) return;
  auto bytes = base64::decode(text);
  if (bytes) part.audio = std::move(*bytes);
  else fields.fail("audio", codes::invalid_base64, "Invalid '" + fields.path_of("audio") + "': " + bytes.error().message + ".");
}

ContentPart read_part(const Fields& fields, ItemRole role, const ClientEventLimits& limits) {
  ContentPart part;
  read_part_type(fields, role, part.type);
  if (part.type == PartType::input_audio) {
    read_audio(fields, part, limits);
    return part;
  }
  const std::string_view text_field = part.type == PartType::output_audio ? "transcript" : "text";
  if (fields.require(text_field)) fields.text(text_field, part.text, limits.text_bytes_max);
  return part;
}

void read_message(const Fields& fields, Item& item, const ClientEventLimits& limits) {
  constexpr Choice<ItemRole> roles[] = {{"user", ItemRole::user}, {"assistant", ItemRole::assistant}, {"system", ItemRole::system}};
  if (!fields.require("role") || !fields.choice("role", item.role, roles) || !fields.require("content")) return;
  const Json* content = fields.array("content", limits.content_parts_max);
  if (!content) return;
  if (content->empty())
    fields.fail("content", codes::array_below_min_length, "Invalid '" + fields.path_of("content") + "': expected at least one part.");
  for (std::size_t i = 0; i < content->size(); ++i) {
    if (const auto part = fields.element("content", *content, i)) item.content.push_back(read_part(*part, item.role, limits));
  }
}

void read_required_id(const Fields& fields, std::string_view name, std::string& out, const ClientEventLimits& limits) {
  if (fields.require(name)) fields.identifier(name, out, limits.id_chars_max);
}

void read_required_text(const Fields& fields, std::string_view name, std::string& out, const ClientEventLimits& limits) {
  if (fields.require(name)) fields.text(name, out, limits.text_bytes_max);
}

}  // namespace

Item read_item(const Fields& fields, const ClientEventLimits& limits) {
  Item item;
  constexpr Choice<ItemKind> kinds[] = {
      {"message", ItemKind::message}, {"function_call", ItemKind::function_call}, {"function_call_output", ItemKind::function_call_output}, {"item_reference", ItemKind::reference}};
  constexpr Choice<ItemStatus> statuses[] = {
      {"completed", ItemStatus::completed}, {"incomplete", ItemStatus::incomplete}, {"in_progress", ItemStatus::in_progress}};
  refuse_types(fields, refused_items);
  if (!fields.require("type") || !fields.choice("type", item.kind, kinds)) return item;
  if (!fields.is_null("id")) fields.identifier("id", item.id, limits.id_chars_max);
  if (item.kind == ItemKind::reference) {
    fields.require("id");
    return item;
  }
  fields.literal("object", "realtime.item");
  fields.choice("status", item.status, statuses);

  switch (item.kind) {
    case ItemKind::message: read_message(fields, item, limits); break;
    case ItemKind::function_call:
      read_required_id(fields, "name", item.name, limits);
      read_required_text(fields, "arguments", item.arguments, limits);
      if (!fields.is_null("call_id")) fields.identifier("call_id", item.call_id, limits.id_chars_max);
      break;
    case ItemKind::function_call_output:
      read_required_id(fields, "call_id", item.call_id, limits);
      read_required_text(fields, "output", item.output, limits);
      break;
    case ItemKind::reference: break;
  }
  return item;
}

}  // namespace repartee::realtime::detail
