#include "realtime/protocol/client_events.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace repartee::realtime {
namespace {

using Json = nlohmann::json;

template <class Event>
Event parsed(const std::string& text) {
  const auto event = parse_client_event(text);
  EXPECT_TRUE(event) << text << ": " << event.error().message;
  if (!event || !std::holds_alternative<Event>(event->body)) {
    ADD_FAILURE() << "another event: " << text;
    return {};
  }
  return std::get<Event>(event->body);
}

std::string create(const std::string& item) { return R"({"type":"conversation.item.create","item":)" + item + "}"; }
std::string message(const std::string& role, const std::string& content) {
  return create(R"({"type":"message","role":")" + role + R"(","content":)" + content + "}");
}
std::string response(const std::string& fields) { return R"({"type":"response.create","response":{)" + fields + "}}"; }

TEST(ClientEvents, KeepTheSessionOfAnUpdateForLater) {
  const auto update = parsed<SessionUpdate>(R"({"type":"session.update","session":{"type":"realtime","instructions":"x"}})");
  EXPECT_EQ(Json::parse(update.session_json), Json::parse(R"({"type":"realtime","instructions":"x"})"));
}

TEST(ClientEvents, DecodeAppendedAudioHoweverItIsWritten) {
  const char* texts[] = {
      R"({"type":"input_audio_buffer.append","audio":"Zm9vYg=="})",
      R"( { "audio" : "Zm9vYg==" , "type" : "input_audio_buffer.append" } )",
      R"({"type":"input_audio_buffer.append","audio":"Zm9vYg\u003d="})",
      R"({"type":"input_audio_buffer.append","audio":"Zm9vYg==","more":[1]})",
      R"({"event_id":null,"type":"input_audio_buffer.append","audio":"Zm9vYg=="})",
  };
  for (const char* text : texts) EXPECT_EQ(parsed<InputAudioAppend>(text).bytes, "foob") << text;
  EXPECT_EQ(parsed<InputAudioAppend>(R"({"type":"input_audio_buffer.append","audio":"\/\/\/\/"})").bytes, "\xff\xff\xff");
  EXPECT_EQ(parsed<InputAudioAppend>(R"({"type":"input_audio_buffer.append","audio":""})").bytes, "");
}

TEST(ClientEvents, CarryTheirEventId) {
  for (const char* text :
       {R"({"type":"input_audio_buffer.append","audio":"AAAA","event_id":"e 1"})", R"({"type":"response.cancel","event_id":"e 1"})",
        R"({"type":"input_audio_buffer.append","audio":"AAAA","event_id":"e\u00201"})"}) {
    const auto event = parse_client_event(text);
    ASSERT_TRUE(event) << text;
    EXPECT_EQ(event->event_id, "e 1");
  }
}

TEST(ClientEvents, WithoutFieldsAreKnownByTheirType) {
  parsed<InputAudioCommit>(R"({"type":"input_audio_buffer.commit"})");
  parsed<InputAudioClear>(R"({"type":"input_audio_buffer.clear"})");
  parsed<OutputAudioClear>(R"({"type":"output_audio_buffer.clear"})");
}

TEST(ClientEvents, NameItems) {
  EXPECT_EQ(parsed<ItemRetrieve>(R"({"type":"conversation.item.retrieve","item_id":"item_1"})").item_id, "item_1");
  EXPECT_EQ(parsed<ItemDelete>(R"({"type":"conversation.item.delete","item_id":"item_1"})").item_id, "item_1");
  const auto truncate =
      parsed<ItemTruncate>(R"({"type":"conversation.item.truncate","item_id":"item_1","content_index":2,"audio_end_ms":1500})");
  EXPECT_EQ(truncate.item_id, "item_1");
  EXPECT_EQ(truncate.content_index, 2);
  EXPECT_EQ(truncate.audio_end_ms, 1500);
  const auto playback = parsed<Playback>(R"({"type":"repartee.playback","item_id":"item_1","played_ms":40})");
  EXPECT_EQ(playback.item_id, "item_1");
  EXPECT_EQ(playback.played_ms, 40);
}

TEST(ClientEvents, CancelTheActiveResponseOrANamedOne) {
  EXPECT_EQ(parsed<ResponseCancel>(R"({"type":"response.cancel"})").response_id, "");
  EXPECT_EQ(parsed<ResponseCancel>(R"({"type":"response.cancel","response_id":"resp_1"})").response_id, "resp_1");
}

TEST(ClientEvents, CreateMessagesOfEachRole) {
  const auto user =
      parsed<ItemCreate>(R"({"type":"conversation.item.create","previous_item_id":"root","item":{"id":"mine","object":"realtime.item",
    "type":"message","role":"user","status":"incomplete","content":[{"type":"input_text","text":"Hi"},{"type":"input_text","text":"there"}]}})");
  EXPECT_EQ(user.previous_item_id, "root");
  EXPECT_EQ(user.item.id, "mine");
  EXPECT_EQ(user.item.kind, ItemKind::message);
  EXPECT_EQ(user.item.role, ItemRole::user);
  EXPECT_EQ(user.item.status, ItemStatus::incomplete);
  ASSERT_EQ(user.item.content.size(), 2u);
  EXPECT_EQ(user.item.content[1].text, "there");

  const auto system = parsed<ItemCreate>(message("system", R"([{"type":"input_text","text":"Be kind."}])"));
  EXPECT_EQ(system.item.role, ItemRole::system);
  EXPECT_EQ(system.item.status, ItemStatus::completed);
  EXPECT_FALSE(system.previous_item_id);

  const auto assistant = parsed<ItemCreate>(
      message("assistant", R"([{"type":"output_text","text":"a"},{"type":"output_audio","transcript":"b","audio":null}])"));
  EXPECT_EQ(assistant.item.role, ItemRole::assistant);
  ASSERT_EQ(assistant.item.content.size(), 2u);
  EXPECT_EQ(assistant.item.content[0].type, PartType::output_text);
  EXPECT_EQ(assistant.item.content[1].type, PartType::output_audio);
  EXPECT_EQ(assistant.item.content[1].text, "b");
}

TEST(ClientEvents, CreateFunctionCallsAndTheirOutputs) {
  const auto call = parsed<ItemCreate>(create(R"({"type":"function_call","name":"f","call_id":"call_1","arguments":"{}"})")).item;
  EXPECT_EQ(call.kind, ItemKind::function_call);
  EXPECT_EQ(call.name + call.call_id + call.arguments, "fcall_1{}");
  const auto output = parsed<ItemCreate>(create(R"({"type":"function_call_output","call_id":"call_1","output":"sunny"})")).item;
  EXPECT_EQ(output.kind, ItemKind::function_call_output);
  EXPECT_EQ(output.call_id + output.output, "call_1sunny");
}

TEST(ClientEvents, AskForAResponseWithAndWithoutOverrides) {
  for (const char* text :
       {R"({"type":"response.create"})", R"({"type":"response.create","response":null})", R"({"type":"response.create","response":{}})"}) {
    const auto plain = parsed<ResponseCreate>(text);
    EXPECT_FALSE(plain.instructions || plain.audio_out || plain.output_tokens_max || plain.voice || plain.out_of_band || plain.input ||
                 plain.output_format);
    EXPECT_EQ(plain.metadata_json, "null");
    EXPECT_EQ(plain.tools_json + plain.tool_choice_json, "");
  }
  const auto full =
      parsed<ResponseCreate>(response(R"("instructions":"Say hi","output_modalities":["text"],"max_output_tokens":10,"conversation":"none",
    "metadata":{"client_event_id":"x"},"input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"q"}]}],
    "tools":[{"type":"function","name":"f"}],"tool_choice":"auto","audio":{"output":{"voice":{"id":"slt"},"format":{"type":"audio/pcmu"}}})"));
  EXPECT_EQ(full.instructions, "Say hi");
  EXPECT_EQ(full.audio_out, false);
  EXPECT_EQ(full.output_tokens_max, 10);
  EXPECT_TRUE(full.out_of_band);
  EXPECT_EQ(full.metadata_json, R"({"client_event_id":"x"})");
  ASSERT_TRUE(full.input && full.input->size() == 1);
  EXPECT_EQ(full.input->front().content.front().text, "q");
  EXPECT_EQ(full.voice, "slt");
  EXPECT_EQ(full.output_format, (AudioFormat{Codec::pcmu, 8000}));
  EXPECT_EQ(Json::parse(full.tools_json)[0]["name"], "f");
  EXPECT_EQ(full.tool_choice_json, R"("auto")");
  EXPECT_TRUE(parsed<ResponseCreate>(response(R"("input":[])")).input->empty());
}

TEST(ClientEvents, TakeAudioInAUsersItemAndReferencesInAResponse) {
  const auto spoken = parsed<ItemCreate>(message("user", R"([{"type":"input_text","text":"hear:"},{"type":"input_audio","audio":"Zm9v","transcript":"foo?"}])")).item;
  ASSERT_EQ(spoken.content.size(), 2u);
  EXPECT_EQ(spoken.content[1].audio, "foo");
  EXPECT_FALSE(spoken.content[1].has_transcript) << "it is made here";
  const auto asked = parsed<ResponseCreate>(response(R"("input":[{"type":"item_reference","id":"item_1"}])"));
  ASSERT_TRUE(asked.input && asked.input->size() == 1);
  EXPECT_EQ(asked.input->front().kind, ItemKind::reference);
  EXPECT_EQ(asked.input->front().id, "item_1");
}

struct Wrong {
  std::string text, param, code;
};

void expect_refused(const Wrong& wrong) {
  const auto event = parse_client_event(wrong.text);
  ASSERT_FALSE(event) << wrong.text;
  EXPECT_EQ(event.error().param, wrong.param) << wrong.text;
  EXPECT_EQ(event.error().code, wrong.code) << wrong.text;
  EXPECT_EQ(event.error().type, "invalid_request_error");
  EXPECT_LT(event.error().message.size(), 1000u);
}

TEST(ClientEvents, RefuseWrongEnvelopes) {
  const Wrong wrongs[] = {
      {"", "", "invalid_json"},
      {"nonsense", "", "invalid_json"},
      {"[]", "", "invalid_json"},
      {"\"x\"", "", "invalid_json"},
      {"{\"type\":\"response.cancel\"", "", "invalid_json"},
      {"{\"type\":\"response.cancel\"}}", "", "invalid_json"},
      {"{\"type\":1e999}", "", "invalid_json"},
      {R"({})", "type", "missing_required_parameter"},
      {R"({"type":7})", "type", "invalid_type"},
      {R"({"type":"session.destroy"})", "type", "invalid_value"},
      {R"({"type":"Response.Cancel"})", "type", "invalid_value"},
      {R"({"type":"response.cancel","event_id":7})", "event_id", "invalid_type"},
      {R"({"type":"response.cancel","event_id":""})", "event_id", "invalid_value"},
      {R"({"type":"response.cancel","event_id":")" + std::string(513, 'e') + "\"}", "event_id", "string_above_max_length"},
  };
  for (const auto& wrong : wrongs) expect_refused(wrong);
}

TEST(ClientEvents, RefuseWrongFields) {
  const Wrong wrongs[] = {
      {R"({"type":"session.update"})", "session", "missing_required_parameter"},
      {R"({"type":"session.update","session":[]})", "session", "invalid_type"},
      {R"({"type":"input_audio_buffer.append"})", "audio", "missing_required_parameter"},
      {R"({"type":"input_audio_buffer.append","audio":7})", "audio", "invalid_type"},
      {R"({"type":"input_audio_buffer.append","audio":"A"})", "audio", "invalid_base64"},
      {R"({"type":"input_audio_buffer.append","audio":"AAA!"})", "audio", "invalid_base64"},
      {R"({"type":"conversation.item.retrieve"})", "item_id", "missing_required_parameter"},
      {R"({"type":"conversation.item.delete","item_id":null})", "item_id", "invalid_type"},
      {R"({"type":"conversation.item.delete","item_id":""})", "item_id", "invalid_value"},
      {R"({"type":"conversation.item.delete","item_id":")" + std::string(65, 'i') + "\"}", "item_id", "string_above_max_length"},
      {R"({"type":"conversation.item.delete","item_id":"a\u0007"})", "item_id", "invalid_value"},
      {R"({"type":"conversation.item.truncate","item_id":"i","audio_end_ms":1})", "content_index", "missing_required_parameter"},
      {R"({"type":"conversation.item.truncate","item_id":"i","content_index":0})", "audio_end_ms", "missing_required_parameter"},
      {R"({"type":"conversation.item.truncate","item_id":"i","content_index":-1,"audio_end_ms":1})", "content_index",
       "integer_below_min_value"},
      {R"({"type":"conversation.item.truncate","item_id":"i","content_index":0,"audio_end_ms":1.5})", "audio_end_ms", "invalid_type"},
      {R"({"type":"conversation.item.truncate","item_id":"i","content_index":0,"audio_end_ms":-1})", "audio_end_ms",
       "integer_below_min_value"},
      {R"({"type":"conversation.item.truncate","item_id":"i","content_index":0,"audio_end_ms":9223372036854775807})", "audio_end_ms",
       "integer_above_max_value"},
      {R"({"type":"repartee.playback","item_id":"i"})", "played_ms", "missing_required_parameter"},
      {R"({"type":"repartee.playback","item_id":"i","played_ms":"1"})", "played_ms", "invalid_type"},
      {R"({"type":"response.cancel","response_id":7})", "response_id", "invalid_type"},
  };
  for (const auto& wrong : wrongs) expect_refused(wrong);
}

TEST(ClientEvents, RefuseWrongItems) {
  const std::string text_part = R"([{"type":"input_text","text":"x"}])";
  const Wrong wrongs[] = {
      {R"({"type":"conversation.item.create"})", "item", "missing_required_parameter"},
      {create("7"), "item", "invalid_type"},
      {create("{}"), "item.type", "missing_required_parameter"},
      {create(R"({"type":"poem"})"), "item.type", "invalid_value"},
      {create(R"({"type":"item_reference","id":"item_1"})"), "item.type", "unsupported_content"},
      {create(R"({"type":"mcp_approval_response","approve":true})"), "item.type", "unsupported_content"},
      {create(R"({"type":"message","content":)" + text_part + "}"), "item.role", "missing_required_parameter"},
      {message("tool", text_part), "item.role", "invalid_value"},
      {create(R"({"type":"message","role":"user"})"), "item.content", "missing_required_parameter"},
      {message("user", "\"x\""), "item.content", "invalid_type"},
      {message("user", "[]"), "item.content", "array_below_min_length"},
      {message("user", "[7]"), "item.content[0]", "invalid_type"},
      {message("user", R"([{"text":"x"}])"), "item.content[0].type", "missing_required_parameter"},
      {message("user", R"([{"type":"input_text"}])"), "item.content[0].text", "missing_required_parameter"},
      {message("user", R"([{"type":"input_text","text":null}])"), "item.content[0].text", "invalid_type"},
      {message("user", R"([{"type":"input_text","text":"a"},{"type":"input_image","image_url":"data:"}])"), "item.content[1].type",
       "unsupported_content"},
      {message("user", R"([{"type":"input_audio"}])"), "item.content[0].audio", "missing_required_parameter"},
      {message("user", R"([{"type":"input_audio","audio":"A!"}])"), "item.content[0].audio", "invalid_base64"},
      {message("user", R"([{"type":"input_audio","audio":"AAAA"},{"type":"input_audio","audio":"AAAA"}])"), "item.content", "unsupported_content"},
      {message("user", R"([{"type":"text","text":"x"}])"), "item.content[0].type", "unsupported_content"},
      {message("user", R"([{"type":"output_text","text":"x"}])"), "item.content[0].type", "invalid_value"},
      {message("system", R"([{"type":"input_audio","audio":"AAAA"}])"), "item.content[0].type", "invalid_value"},
      {message("assistant", text_part), "item.content[0].type", "invalid_value"},
      {message("assistant", R"([{"type":"output_audio","audio":"AAAA"}])"), "item.content[0].transcript", "missing_required_parameter"},
      {create(R"({"type":"message","role":"user","id":7,"content":)" + text_part + "}"), "item.id", "invalid_type"},
      {create(R"({"type":"message","role":"user","object":"thing","content":)" + text_part + "}"), "item.object", "invalid_value"},
      {create(R"({"type":"message","role":"user","status":"done","content":)" + text_part + "}"), "item.status", "invalid_value"},
      {create(R"({"type":"function_call","arguments":"{}"})"), "item.name", "missing_required_parameter"},
      {create(R"({"type":"function_call","name":"f","arguments":{}})"), "item.arguments", "invalid_type"},
      {create(R"({"type":"function_call_output","output":"x"})"), "item.call_id", "missing_required_parameter"},
      {create(R"({"type":"function_call_output","call_id":"c"})"), "item.output", "missing_required_parameter"},
  };
  for (const auto& wrong : wrongs) expect_refused(wrong);
}

TEST(ClientEvents, RefuseWrongResponses) {
  Json pairs;
  for (int i = 0; i < 17; ++i) pairs["k" + std::to_string(i)] = "v";
  const Wrong wrongs[] = {
      {R"({"type":"response.create","response":[]})", "response", "invalid_type"},
      {response(R"("instructions":1)"), "response.instructions", "invalid_type"},
      {response(R"("output_modalities":["text","audio"])"), "response.output_modalities", "invalid_value"},
      {response(R"("modalities":["text"])"), "response.modalities", "unknown_parameter"},
      {response(R"("max_output_tokens":0)"), "response.max_output_tokens", "integer_below_min_value"},
      {response(R"("conversation":"other")"), "response.conversation", "invalid_value"},
      {response(R"("metadata":[])"), "response.metadata", "invalid_type"},
      {response(R"("metadata":{"a":1})"), "response.metadata.a", "invalid_type"},
      {response(R"("metadata":)" + pairs.dump()), "response.metadata", "object_above_max_properties"},
      {response(R"("metadata":{")" + std::string(65, 'k') + R"(":"v"})"), "response.metadata", "string_above_max_length"},
      {response(R"("metadata":{"k":")" + std::string(513, 'v') + "\"}"), "response.metadata.k", "string_above_max_length"},
      {response(R"("input":{})"), "response.input", "invalid_type"},
      {response(R"("input":[{"type":"message","role":"user","content":[{"type":"input_text"}]}])"), "response.input[0].content[0].text",
       "missing_required_parameter"},
      {response(R"("tools":[{"type":"mcp"}])"), "response.tools[0].type", "unsupported_content"},
      {response(R"("tool_choice":"perhaps")"), "response.tool_choice", "invalid_value"},
      {response(R"("audio":{"output":{"voice":7}})"), "response.audio.output.voice", "invalid_type"},
      {response(R"("audio":{"output":{"format":"pcm16"}})"), "response.audio.output.format", "invalid_type"},
  };
  for (const auto& wrong : wrongs) expect_refused(wrong);
}

TEST(ClientEvents, TellInAnErrorWhichEventItWas) {
  const auto event = parse_client_event(R"({"event_id":"mine","type":"nonsense"})");
  ASSERT_FALSE(event);
  EXPECT_EQ(event.error().event_id, "mine");
  const auto bad_audio = parse_client_event(R"({"event_id":"mine","type":"input_audio_buffer.append","audio":"!"})");
  ASSERT_FALSE(bad_audio);
  EXPECT_EQ(bad_audio.error().event_id, "mine");
  const auto bad_id = parse_client_event(R"({"event_id":7,"type":"nonsense"})");
  ASSERT_FALSE(bad_id);
  EXPECT_EQ(bad_id.error().event_id, "");
}

TEST(ClientEvents, ListTheKnownTypesWhenOneIsUnknown) {
  const auto event = parse_client_event(R"({"type":"response.creat"})");
  ASSERT_FALSE(event);
  EXPECT_NE(event.error().message.find("'response.creat'"), std::string::npos);
  EXPECT_NE(event.error().message.find("'response.create'"), std::string::npos);
}

}  // namespace
}  // namespace repartee::realtime
