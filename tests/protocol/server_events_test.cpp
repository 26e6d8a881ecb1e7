#include "realtime/protocol/server_events.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "tests/support/event_schema.hpp"

namespace repartee::realtime {
namespace {

using Json = nlohmann::json;
namespace events = server_events;

const events::Place place{.response_id = "resp_1", .item_id = "item_1", .output_index = 2, .content_index = 3};

Item spoken_item() {
  return {.id = "item_1",
          .kind = ItemKind::message,
          .role = ItemRole::assistant,
          .status = ItemStatus::in_progress,
          .content = {{PartType::output_audio, "Hello", true}, {PartType::output_text, "there", true}},
          .name = {},
          .call_id = {},
          .arguments = {},
          .output = {}};
}

Item heard_item() {
  Item item;
  item.id = "item_0";
  item.content = {{PartType::input_text, "Hi", true}, {PartType::input_audio, "well", true}, {PartType::input_audio, "", false}};
  return item;
}

Item function_item(ItemKind kind) {
  Item item;
  item.id = "item_2", item.kind = kind, item.name = "f", item.call_id = "call_1", item.arguments = "{\"a\":1}", item.output = "sunny";
  return item;
}

ResponseView response_view(ResponseStatus status) {
  ResponseView view;
  view.id = "resp_1", view.conversation_id = "conv_1", view.status = status, view.voice = "slt";
  return view;
}

// As OpenAI declares it, field by field.
void expect_as_declared(const Json& event) { EXPECT_EQ(test::schema_violation(test::EventSide::server, event), ""); }

TEST(ServerEvents, AreAsTheyAreDeclared) {
  const SessionIdentity identity{.id = "sess_1", .expires_at_unix_s = 5, .voice_effective = "slt"};
  const std::vector<std::uint8_t> audio{1, 2, 3};
  const std::string texts[] = {
      events::error({.code = "c", .message = "m", .param = "p", .event_id = "e"}),
      events::session_created(identity, {}),
      events::session_updated(identity, {}),
      events::item_added(heard_item(), "item_9"),
      events::item_done(heard_item(), ""),
      events::item_retrieved(heard_item()),
      events::item_deleted("item_1"),
      events::item_truncated("item_1", 0, 1500),
      events::transcription_delta("item_1", "Hel"),
      events::transcription_completed("item_1", "Hello", 1250),
      events::transcription_failed("item_1", {.code = "c", .message = "m"}),
      events::input_audio_committed("item_1", "item_0"),
      events::input_audio_cleared(),
      events::speech_started("item_1", 10),
      events::speech_stopped("item_1", 20),
      events::timeout_triggered("item_1", 10, 20),
      events::response_created(response_view(ResponseStatus::in_progress)),
      events::response_done(response_view(ResponseStatus::completed)),
      events::output_item_added(place, spoken_item()),
      events::output_item_done(place, spoken_item()),
      events::content_part_added(place, true),
      events::content_part_done(place, false, "x"),
      events::output_audio_delta(place, audio),
      events::output_audio_done(place),
      events::output_audio_transcript_delta(place, "x"),
      events::output_audio_transcript_done(place, "x"),
      events::output_text_delta(place, "x"),
      events::output_text_done(place, "x"),
      events::function_call_arguments_delta(place, "call_1", "{"),
      events::function_call_arguments_done(place, "call_1", "f", "{}"),
      events::rate_limits_updated({{.name = "requests", .limit = 10, .remaining = 9, .reset_seconds = 0.5}}),
  };
  std::set<std::string> event_ids;
  for (const std::string& text : texts) {
    const Json event = Json::parse(text);
    expect_as_declared(event);
    EXPECT_TRUE(event["event_id"].get<std::string>().starts_with("event_"));
    event_ids.insert(event["event_id"]);
  }
  EXPECT_EQ(event_ids.size(), std::size(texts));
}

TEST(ServerEvents, SayWhatIsWrong) {
  const Json full =
      Json::parse(events::error({.type = "server_error", .code = "c", .message = "m \"q\"", .param = "p", .event_id = "e"}))["error"];
  EXPECT_EQ(full, Json::parse(R"({"type":"server_error","code":"c","message":"m \"q\"","param":"p","event_id":"e"})"));
  const Json bare = Json::parse(events::error({.message = "m"}))["error"];
  EXPECT_EQ(bare, Json::parse(R"({"type":"invalid_request_error","code":null,"message":"m","param":null,"event_id":null})"));
}

TEST(ServerEvents, AreAsDeclaredWhateverTheyShow) {
  const SessionIdentity identity{.id = "sess_1", .expires_at_unix_s = 5, .voice_effective = "slt"};
  SessionConfig semantic, silent;
  semantic.turn_detection.kind = TurnDetectionKind::semantic_vad;
  silent.turn_detection.kind = TurnDetectionKind::none;
  silent.transcription = false;
  silent.input_format = silent.output_format = {Codec::opus, 48000};
  for (const SessionConfig& config : {SessionConfig{}, semantic, silent}) expect_as_declared(Json::parse(events::session_updated(identity, config)));
  for (const ItemKind kind : {ItemKind::function_call, ItemKind::function_call_output})
    expect_as_declared(Json::parse(events::item_added(function_item(kind), "item_1")));
  for (const ResponseStatus status : {ResponseStatus::completed, ResponseStatus::cancelled, ResponseStatus::incomplete, ResponseStatus::failed}) {
    ResponseView view = response_view(status);
    view.usage = Usage{};
    view.output = {spoken_item(), function_item(ItemKind::function_call)};
    expect_as_declared(Json::parse(events::response_done(view)));
  }
}

TEST(ServerEvents, ShowItemsOfEachKind) {
  const auto item_of = [](const Item& item) { return Json::parse(events::item_added(item, ""))["item"]; };
  EXPECT_EQ(item_of(heard_item()),
            Json::parse(R"({"id":"item_0","object":"realtime.item","type":"message","status":"completed","role":"user",
    "content":[{"type":"input_text","text":"Hi"},{"type":"input_audio","transcript":"well"},{"type":"input_audio","transcript":null}]})"));
  EXPECT_EQ(item_of(spoken_item()),
            Json::parse(R"({"id":"item_1","object":"realtime.item","type":"message","status":"in_progress","role":"assistant",
    "content":[{"type":"output_audio","transcript":"Hello"},{"type":"output_text","text":"there"}]})"));
  const Json call = item_of(function_item(ItemKind::function_call)), output = item_of(function_item(ItemKind::function_call_output));
  EXPECT_EQ(call["arguments"], "{\"a\":1}");
  EXPECT_EQ(output["output"], "sunny");
  EXPECT_EQ(call["object"], "realtime.item");
}

TEST(ServerEvents, NameThePreviousItemOrNull) {
  EXPECT_EQ(Json::parse(events::item_added(heard_item(), "item_9"))["previous_item_id"], "item_9");
  EXPECT_TRUE(Json::parse(events::item_added(heard_item(), ""))["previous_item_id"].is_null());
  EXPECT_TRUE(Json::parse(events::input_audio_committed("item_1", ""))["previous_item_id"].is_null());
}

TEST(ServerEvents, ShowAResponseInProgress) {
  ResponseView view = response_view(ResponseStatus::in_progress);
  view.metadata_json = R"({"client_event_id":"x"})";
  view.output_tokens_max = 12;
  const Json response = Json::parse(events::response_created(view))["response"];
  EXPECT_EQ(response, Json::parse(R"({"object":"realtime.response","id":"resp_1","status":"in_progress","output":[],
    "conversation_id":"conv_1","output_modalities":["audio"],"max_output_tokens":12,"audio":{"output":{"format":{"type":"audio/pcm","rate":24000},"voice":"slt"}},
    "metadata":{"client_event_id":"x"}})"));
}

TEST(ServerEvents, ShowHowAResponseEnded) {
  const auto details = [](ResponseView view) { return Json::parse(events::response_done(view))["response"].value("status_details", Json()); };
  EXPECT_TRUE(details(response_view(ResponseStatus::completed)).is_null());
  ResponseView cancelled = response_view(ResponseStatus::cancelled);
  cancelled.reason = "turn_detected";
  EXPECT_EQ(details(cancelled), Json::parse(R"({"type":"cancelled","reason":"turn_detected"})"));
  ResponseView incomplete = response_view(ResponseStatus::incomplete);
  incomplete.reason = "max_output_tokens";
  EXPECT_EQ(details(incomplete), Json::parse(R"({"type":"incomplete","reason":"max_output_tokens"})"));
  ResponseView failed = response_view(ResponseStatus::failed);
  failed.error_type = "server_error", failed.error_code = "llm_timeout";
  EXPECT_EQ(details(failed), Json::parse(R"({"type":"failed","error":{"type":"server_error","code":"llm_timeout"}})"));
}

TEST(ServerEvents, AddUpTheUsage) {
  ResponseView view = response_view(ResponseStatus::completed);
  view.usage = Usage{.input_text_tokens = 10, .input_audio_tokens = 20, .output_text_tokens = 3, .output_audio_tokens = 4};
  view.output = {spoken_item()};
  view.audio_out = false;
  view.conversation_id.clear();
  const Json response = Json::parse(events::response_done(view))["response"], usage = response["usage"];
  EXPECT_EQ(usage["total_tokens"], 37);
  EXPECT_EQ(usage["input_tokens"], 30);
  EXPECT_EQ(usage["output_tokens"], 7);
  EXPECT_EQ(usage["input_token_details"]["audio_tokens"], 20);
  EXPECT_EQ(usage["output_token_details"]["text_tokens"], 3);
  EXPECT_EQ(response["output"].size(), 1u);
  EXPECT_EQ(response["output_modalities"], Json::parse(R"(["text"])"));
  EXPECT_EQ(response["max_output_tokens"], "inf");
  EXPECT_FALSE(response.contains("conversation_id"));
}

TEST(ServerEvents, PlaceADelta) {
  const std::vector<std::uint8_t> audio{0xff, 0x00, 0x10, 0x83};
  const Json delta = Json::parse(events::output_audio_delta(place, audio));
  EXPECT_EQ(delta["response_id"], "resp_1");
  EXPECT_EQ(delta["item_id"], "item_1");
  EXPECT_EQ(delta["output_index"], 2);
  EXPECT_EQ(delta["content_index"], 3);
  EXPECT_EQ(delta["delta"], "/wAQgw==");
  EXPECT_EQ(Json::parse(events::output_audio_delta(place, {}))["delta"], "");
}

TEST(ServerEvents, EscapeIdsAndMendBrokenTexts) {
  const events::Place odd{.response_id = "r\"\\\n", .item_id = "caf\xc3\xa9\x7f", .output_index = 0, .content_index = 0};
  const std::vector<std::uint8_t> audio{1};
  const Json delta = Json::parse(events::output_audio_delta(odd, audio));
  EXPECT_EQ(delta["response_id"], odd.response_id);
  EXPECT_EQ(delta["item_id"], odd.item_id);
  EXPECT_EQ(Json::parse(events::output_text_delta(place, "half\xc3"))["delta"], "half\xef\xbf\xbd");
  EXPECT_EQ(Json::parse(events::output_text_delta(place, "\xe2\x80\xa8\t/"))["delta"], "\xe2\x80\xa8\t/");
}

TEST(ServerEvents, AnnounceContentParts) {
  EXPECT_EQ(Json::parse(events::content_part_added(place, true))["part"], Json::parse(R"({"type":"audio","transcript":""})"));
  EXPECT_EQ(Json::parse(events::content_part_added(place, false))["part"], Json::parse(R"({"type":"text","text":""})"));
  EXPECT_EQ(Json::parse(events::content_part_done(place, true, "Hi"))["part"], Json::parse(R"({"type":"audio","transcript":"Hi"})"));
  EXPECT_EQ(Json::parse(events::content_part_done(place, false, "Hi"))["part"], Json::parse(R"({"type":"text","text":"Hi"})"));
}

TEST(ServerEvents, CountTranscribedSpeechInTokens) {
  const Json event = Json::parse(events::transcription_completed("item_1", "Hello", 1250));
  EXPECT_EQ(event["usage"], Json::parse(R"({"type":"tokens","total_tokens":15,"input_tokens":13,"output_tokens":2,"input_token_details":{"text_tokens":0,"audio_tokens":13}})"));
  EXPECT_FALSE(event.contains("logprobs"));
  EXPECT_TRUE(Json::parse(events::transcription_completed("item_1", "Hello", 1250, true)).at("logprobs").is_null());
  EXPECT_EQ(event["transcript"], "Hello");
  const Json failed = Json::parse(events::transcription_failed("item_1", {.message = "m"}));
  EXPECT_EQ(failed["error"], Json::parse(R"({"type":"invalid_request_error","message":"m"})"));
}

TEST(ServerEvents, ListRateLimits) {
  const Json event = Json::parse(
      events::rate_limits_updated({{.name = "requests", .limit = 10, .remaining = 9, .reset_seconds = 0.5}, {.name = "tokens"}}));
  ASSERT_EQ(event["rate_limits"].size(), 2u);
  EXPECT_EQ(event["rate_limits"][0], Json::parse(R"({"name":"requests","limit":10,"remaining":9,"reset_seconds":0.5})"));
}

// Ours: an event without its fresh event_id, which must be there.
Json ours(const std::string& text) {
  Json event = Json::parse(text);
  EXPECT_TRUE(event.contains("event_id"));
  event.erase("event_id");
  return event;
}

TEST(ServerEvents, OfOurOwnHaveTheirShapes) {
  EXPECT_EQ(ours(events::repartee_state("idle", "listening", 3, 1234)),
            Json::parse(R"({"type":"repartee.state","from":"idle","to":"listening","turn_index":3,"at_ms":1234})"));
  EXPECT_EQ(ours(events::repartee_session("0192", {})), Json::parse(R"({"type":"repartee.session","session_id":"0192"})"));
  EXPECT_EQ(ours(events::repartee_session("0192", {"token", 30'000}, events::ResumeResult{.replayed = 3, .lost = 1})),
            Json::parse(R"({"type":"repartee.session","session_id":"0192","resume_token":"token","resume_within_ms":30000,"resumed":"live",
                            "replayed_events":3,"lost_events":1})"));
  EXPECT_EQ(
      ours(events::repartee_alignment("item_1", {{{.text = "Hi", .start_ms = 10, .end_ms = 90}}, {{.id = 12, .start_ms = 10}, {.id = 0, .start_ms = 90}}})),
      Json::parse(R"({"type":"repartee.alignment","item_id":"item_1","words":[{"text":"Hi","start_ms":10,"end_ms":90}],"visemes":[{"id":12,"start_ms":10},{"id":0,"start_ms":90}]})"));
  EXPECT_EQ(
      ours(events::repartee_sources(2, {{.document_id = "d", .filename = "f.md", .ordinal = 4, .text = "t", .score = 0.5}})),
      Json::parse(
          R"({"type":"repartee.sources","turn_index":2,"passages":[{"document_id":"d","filename":"f.md","ordinal":4,"text":"t","score":0.5}]})"));
}

TurnRecord turn_record() {
  TurnRecord turn;
  turn.session_id = "0192f0c1-0000-7000-8000-000000000000", turn.user_id = "u", turn.turn_index = 4, turn.revision = 2;
  turn.user_transcript = "Hi", turn.llm_response = "Hello there", turn.heard_response = "Hello", turn.heard_ms = 640;
  turn.status = "interrupted", turn.cancel_reason = "turn_detected";
  turn.endpointing_ms = 500, turn.asr_latency_ms = 40, turn.llm_latency_ms = 12, turn.tts_latency_ms = 90, turn.total_latency_ms = 660;
  turn.asr_cost = {1}, turn.llm_cost = {123'456'789}, turn.tts_cost = {100};
  turn.asr_audio_ms = 1800, turn.llm_input_tokens = 50, turn.llm_output_tokens = 9, turn.tts_characters = 11;
  turn.sources_json = R"([{"score":0.5}])", turn.timeline_json = R"({"speech_end":1})", turn.evidence_json = "{broken";
  turn.started_at = WallTime(std::chrono::milliseconds(1'700'000'000'007));
  turn.ended_at = WallTime(std::chrono::microseconds(1'700'000'001'999'999));
  return turn;
}

TEST(TurnRow, HasTheColumnsOfTheTable) {
  const std::string text = events::turn_row_json(turn_record());
  EXPECT_EQ(Json::parse(text),
            Json::parse(R"({"session_id":"0192f0c1-0000-7000-8000-000000000000","turn_index":4,"revision":2,"user_transcript":"Hi",
    "llm_response":"Hello there","heard_response":"Hello","heard_ms":640,"status":"interrupted","cancel_reason":"turn_detected","endpointing_ms":500,
    "asr_latency_ms":40,"rag_latency_ms":null,"llm_latency_ms":12,"tts_latency_ms":90,"total_latency_ms":660,"asr_cost":0.00000001,"rag_cost":0.0,
    "llm_cost":1.23456789,"tts_cost":0.000001,"total_cost":1.2345689,"asr_audio_ms":1800,"llm_input_tokens":50,"llm_output_tokens":9,"tts_characters":11,
    "speculative_waste":{},"cache_hits":{},"sources":[{"score":0.5}],"timeline":{"speech_end":1},"evidence":null,"tool_calls":[],
    "started_at":"2023-11-14T22:13:20.007Z","ended_at":"2023-11-14T22:13:21.999Z"})"));
  EXPECT_NE(text.find("\"total_cost\":1.23456890,"), std::string::npos) << "eight decimals";
}

TEST(TurnRow, ShowsAnOpenTurnWithNulls) {
  TurnRecord turn = turn_record();
  turn.ended_at.reset();
  turn.cancel_reason.clear();
  const Json row = Json::parse(events::turn_row_json(turn));
  EXPECT_TRUE(row["ended_at"].is_null());
  EXPECT_EQ(row["cancel_reason"], "");  // as the table holds it
}

TEST(TurnRow, StandsInTheEventBesideTypeAndEventId) {
  Json event = ours(events::repartee_turn(turn_record()));
  EXPECT_EQ(event["type"], "repartee.turn");
  event.erase("type");
  EXPECT_EQ(event, Json::parse(events::turn_row_json(turn_record())));
}

}  // namespace
}  // namespace repartee::realtime
