#include "realtime/protocol/client_events.hpp"

#include <algorithm>
#include <limits>

#include "realtime/protocol/append_fast_path.hpp"
#include "realtime/protocol/base64.hpp"
#include "realtime/protocol/error_codes.hpp"
#include "realtime/protocol/item_reader.hpp"
#include "realtime/protocol/json_fields.hpp"
#include "realtime/protocol/session_fields.hpp"

namespace repartee::realtime {
namespace {

namespace codes = error_codes;
using detail::Choice;
using detail::Fields;
using detail::Json;

using Limits = ClientEventLimits;
using Body = ClientEventBody;

constexpr std::int64_t ms_max = 24LL * 3600 * 1000;  // longer than any session
constexpr int content_index_max = 1'000;

std::string read_item_id(const Fields& event, const Limits& limits) {
  std::string item_id;
  if (event.require("item_id")) event.identifier("item_id", item_id, limits.id_chars_max);
  return item_id;
}

Body read_session_update(const Fields& event, const Limits&) {
  SessionUpdate update;
  if (event.require("session") && event.object("session")) {
    event.keep_json("session", update.session_json, std::numeric_limits<std::size_t>::max());  // its parts have limits of their own
  }
  return update;
}

Body read_append(const Fields& event, const Limits& limits) {
  InputAudioAppend append;
  std::string text;
  if (!event.require("audio") || !event.text("audio", text, limits.audio_bytes_max)) return append;
  auto bytes = base64::decode(text);
  if (bytes) append.bytes = std::move(*bytes);
  else event.fail("audio", codes::invalid_base64, "Invalid 'audio': " + bytes.error().message + ".");
  return append;
}

template <class Event>
Body read_empty(const Fields&, const Limits&) {
  return Event{};
}

template <class Event>
Body read_with_item_id(const Fields& event, const Limits& limits) {
  return Event{read_item_id(event, limits)};
}

Body read_item_create(const Fields& event, const Limits& limits) {
  ItemCreate create;
  if (event.require("item")) {
    if (const auto item = event.object("item")) {
      create.item = detail::read_item(*item, limits);
      if (create.item.kind == ItemKind::reference) item->fail("type", codes::unsupported_content, "References to items stand in 'response.input' only: send the item itself.");
      const auto audio_parts = std::ranges::count_if(create.item.content, [](const ContentPart& part) { return part.type == PartType::input_audio; });
      if (audio_parts > 1) item->fail("content", codes::unsupported_content, "One 'input_audio' part an item: send each as an item of its own.");
    }
  }
  std::string previous;
  if (!event.is_null("previous_item_id") && event.identifier("previous_item_id", previous, limits.id_chars_max))
    create.previous_item_id = previous;
  return create;
}

Body read_item_truncate(const Fields& event, const Limits& limits) {
  ItemTruncate truncate{.item_id = read_item_id(event, limits)};
  if (event.require("content_index")) event.integer("content_index", truncate.content_index, 0, content_index_max);
  if (event.require("audio_end_ms")) event.integer("audio_end_ms", truncate.audio_end_ms, 0, ms_max);
  return truncate;
}

Body read_playback(const Fields& event, const Limits& limits) {
  Playback playback{.item_id = read_item_id(event, limits)};
  if (event.require("played_ms")) event.integer("played_ms", playback.played_ms, 0, ms_max);
  return playback;
}

Body read_response_cancel(const Fields& event, const Limits& limits) {
  ResponseCancel cancel;
  if (!event.is_null("response_id")) event.identifier("response_id", cancel.response_id, limits.id_chars_max);
  return cancel;
}

void read_metadata(const Fields& response, std::string& metadata_json, const Limits& limits) {
  if (response.is_null("metadata")) return;
  const auto metadata = response.object("metadata");
  if (!metadata) return;
  const Json& pairs = *response.find("metadata");
  if (pairs.size() > limits.metadata_pairs_max) {
    response.fail("metadata", codes::object_above_max_properties,
                  "Invalid 'response.metadata': expected at most " + std::to_string(limits.metadata_pairs_max) + " pairs.");
  }
  for (const auto& [key, value] : pairs.items()) {
    if (detail::count_characters(key) > limits.metadata_key_chars_max) {
      response.fail(
          "metadata", codes::string_above_max_length,
          "Invalid 'response.metadata': expected keys of at most " + std::to_string(limits.metadata_key_chars_max) + " characters.");
    }
    if (!value.is_string()) {
      metadata->fail_type(key, "a string", value);
    } else if (detail::count_characters(value.get_ref<const std::string&>()) > limits.metadata_value_chars_max) {
      metadata->fail(
          key, codes::string_above_max_length,
          "Invalid 'response.metadata': expected values of at most " + std::to_string(limits.metadata_value_chars_max) + " characters.");
    }
  }
  metadata_json = pairs.dump();
}

void read_input(const Fields& response, ResponseCreate& create, const Limits& limits) {
  const Json* input = response.array("input", limits.input_items_max);
  if (!input) return;
  auto& items = create.input.emplace();
  for (std::size_t i = 0; i < input->size(); ++i) {
    if (const auto item = response.element("input", *input, i)) {
      items.push_back(detail::read_item(*item, limits));
      for (const ContentPart& part : items.back().content)
        if (part.type == PartType::input_audio) item->fail("content", codes::unsupported_content, "Audio is taken by 'conversation.item.create': refer to such an item.");
    }
  }
}

void read_response_audio(const Fields& response, ResponseCreate& create, const Limits& limits) {
  const auto audio = response.object("audio");
  const auto output = audio ? audio->object("output") : std::nullopt;
  if (!output) return;
  std::string voice;
  if (detail::read_voice(*output, voice, limits.session.name_chars_max) && !voice.empty()) create.voice = voice;
  AudioFormat format;
  if (detail::read_format(*output, format)) create.output_format = format;
}

constexpr detail::BetaField response_beta_fields[] = {
    {"modalities", "output_modalities"},
    {"voice", "audio.output.voice"},
    {"output_audio_format", "audio.output.format"},
    {"max_response_output_tokens", "max_output_tokens"},
};

Body read_response_create(const Fields& event, const Limits& limits) {
  ResponseCreate create;
  if (event.is_null("response")) return create;
  const auto response = event.object("response");
  if (!response) return create;
  detail::refuse_beta_fields(*response, response_beta_fields);

  if (std::string text; response->text("instructions", text, limits.session.instructions_bytes_max)) create.instructions = text;
  if (response->find("output_modalities")) detail::read_output_modalities(*response, create.audio_out.emplace());
  detail::read_output_tokens_max(*response, create.output_tokens_max);
  constexpr Choice<bool> conversations[] = {{"auto", false}, {"none", true}};
  response->choice("conversation", create.out_of_band, conversations);
  read_metadata(*response, create.metadata_json, limits);
  read_input(*response, create, limits);
  read_response_audio(*response, create, limits);
  detail::read_tools(*response, create.tools_json, limits.session);
  detail::read_tool_choice(*response, create.tool_choice_json, limits.session);
  detail::read_parallel_tool_calls(*response, create.parallel_tool_calls);
  std::string reasoning;
  detail::read_reasoning(*response, reasoning, limits.session);
  detail::refuse_prompt(*response);
  return create;
}

struct Reader {
  std::string_view type;
  Body (*read)(const Fields& event, const Limits& limits);
};
constexpr Reader readers[] = {
    {"session.update", read_session_update},
    {"input_audio_buffer.append", read_append},
    {"input_audio_buffer.commit", read_empty<InputAudioCommit>},
    {"input_audio_buffer.clear", read_empty<InputAudioClear>},
    {"output_audio_buffer.clear", read_empty<OutputAudioClear>},
    {"conversation.item.create", read_item_create},
    {"conversation.item.retrieve", read_with_item_id<ItemRetrieve>},
    {"conversation.item.delete", read_with_item_id<ItemDelete>},
    {"conversation.item.truncate", read_item_truncate},
    {"response.create", read_response_create},
    {"response.cancel", read_response_cancel},
    {"repartee.playback", read_playback},
};

const Reader* find_reader(const Fields& event) {
  constexpr std::size_t count = std::size(readers);
  static constexpr auto choices = [] {
    struct {
      Choice<const Reader*> list[count];
    } table{};
    for (std::size_t i = 0; i < count; ++i) table.list[i] = {readers[i].type, &readers[i]};
    return table;
  }();
  const Reader* reader = nullptr;
  if (event.require("type")) event.choice("type", reader, choices.list);
  return reader;
}

}  // namespace

Expected<ClientEvent> parse_client_event(std::string_view text, const ClientEventLimits& limits) {
  if (auto append = detail::read_append_fast(text, limits)) return std::move(*append);

  const auto object = detail::parse_object(text, {.depth_max = limits.depth_max, .values_max = limits.values_max}, "");
  if (!object) return object.error();
  detail::FirstError errors;
  const Fields event(*object, "", errors);
  ClientEvent parsed;
  if (!event.is_null("event_id")) event.identifier("event_id", parsed.event_id, limits.event_id_chars_max);
  if (const Reader* reader = find_reader(event)) parsed.body = reader->read(event, limits);
  if (!errors.failed()) return parsed;

  ProtocolError error = errors.error();
  error.event_id = parsed.event_id;
  return error;
}

}  // namespace repartee::realtime
