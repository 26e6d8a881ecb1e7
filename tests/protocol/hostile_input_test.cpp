// What no client should send: every case must come back as an error (or as a valid event, for mutations that stay valid) and nothing else.
#include <gtest/gtest.h>

#include <array>
#include <random>

#include "realtime/protocol/append_fast_path.hpp"
#include "realtime/protocol/client_events.hpp"
#include "realtime/protocol/server_events.hpp"

namespace repartee::realtime {
namespace {

std::string code_of(const std::string& text) {
  const auto event = parse_client_event(text);
  return event ? "accepted" : event.error().code;
}

TEST(HostileInput, NestedToADepthOfAHundredThousandIsRefused) {
  for (const char* open : {"[", "{\"a\":", "[{\"a\":"}) {
    std::string text = R"({"type":"session.update","session":)";
    for (int i = 0; i < 100'000; ++i) text += open;
    EXPECT_EQ(code_of(text), "invalid_json");
    const auto config = apply_session_update({}, text);
    ASSERT_FALSE(config);
    EXPECT_EQ(config.error().code, "invalid_json");
  }
}

TEST(HostileInput, TheDepthLimitCountsBracketsButNotThoseInTexts) {
  const auto nested = [](std::size_t depth) {
    return R"({"type":"response.cancel","x":)" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
  };
  EXPECT_EQ(code_of(nested(32)), "accepted");
  EXPECT_EQ(code_of(nested(33)), "invalid_json");
  EXPECT_EQ(code_of(R"({"type":"response.cancel","x":"\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["})"), "accepted");
}

TEST(HostileInput, MoreValuesThanAnyEventNeedsAreRefused) {
  std::string text = R"({"type":"response.cancel","x":[1)";
  for (int i = 0; i < 60'000; ++i) text += ",1";
  EXPECT_EQ(code_of(text + "]}"), "invalid_json");
}

TEST(HostileInput, TextsOfAMegabyteAreRefused) {
  const std::string megabyte(1024 * 1024, 'x');
  const std::string part = R"([{"type":"input_text","text":")" + megabyte + R"("}])";
  EXPECT_EQ(code_of(R"({"type":"conversation.item.create","item":{"type":"message","role":"user","content":)" + part + "}}"),
            "string_above_max_length");
  EXPECT_EQ(code_of(R"({"type":")" + megabyte + "\"}"), "string_above_max_length");
  EXPECT_EQ(code_of(R"({"type":"response.cancel","event_id":")" + megabyte + "\"}"), "string_above_max_length");
  EXPECT_EQ(code_of(R"({"type":"conversation.item.delete","item_id":")" + megabyte + "\"}"), "string_above_max_length");
  EXPECT_EQ(code_of(R"({"type":"response.create","response":{"instructions":")" + megabyte + "\"}}"), "string_above_max_length");
  EXPECT_EQ(code_of(R"({"type":"response.create","response":{"metadata":{")" + megabyte + R"(":"v"}}})"), "string_above_max_length");
  const auto config = apply_session_update({}, R"({"type":"realtime","audio":{"output":{"voice":")" + megabyte + "\"}}}");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, "string_above_max_length");
}

TEST(HostileInput, AMegabyteOfAudioIsFineAndMoreThanTheLimitIsNot) {
  EXPECT_EQ(code_of(R"({"type":"input_audio_buffer.append","audio":")" + std::string(1024 * 1024, 'A') + "\"}"), "accepted");
  const ClientEventLimits small{.audio_bytes_max = 8};
  EXPECT_TRUE(parse_client_event(R"({"type":"input_audio_buffer.append","audio":"AAAAAAAA"})", small));
  const auto event = parse_client_event(R"({"type":"input_audio_buffer.append","audio":"AAAAAAAAAAAA"})", small);
  ASSERT_FALSE(event);
  EXPECT_EQ(event.error().code, "string_above_max_length");
}

TEST(HostileInput, NulCharactersAreRefusedWhereverTheyStand) {
  const std::string create =
      R"({"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":)";
  EXPECT_EQ(code_of(create + R"("a\u0000b"}]}})"), "invalid_json");
  EXPECT_EQ(code_of(create + "\"a" + std::string(1, '\0') + "b\"}]}}"), "invalid_json");
  EXPECT_EQ(code_of(R"({"type":"response.cancel","\u0000":1})"), "invalid_json");
  EXPECT_EQ(code_of(R"({"type":"response.cancel","event_id":"\u0000"})"), "invalid_json");
  EXPECT_EQ(code_of(R"({"type":"input_audio_buffer.append","audio":"AAAA","event_id":")" + std::string(1, '\0') + "\"}"), "invalid_json");
  EXPECT_EQ(code_of(create + R"("a\\u0000b"}]}})"), "accepted");  // a backslash and five letters
}

TEST(HostileInput, BrokenUtf8IsRefused) {
  for (const char* bytes : {"\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\x80"}) {
    EXPECT_EQ(code_of(std::string(R"({"type":"response.cancel","event_id":")") + bytes + "\"}"), "invalid_json") << bytes;
    EXPECT_EQ(code_of(std::string(R"({"type":"input_audio_buffer.append","audio":"AAAA","event_id":")") + bytes + "\"}"), "invalid_json")
        << bytes;
  }
  EXPECT_EQ(code_of(R"({"type":"response.cancel","event_id":"\ud800"})"), "invalid_json");
}

TEST(HostileInput, AnErrorMessageNeverRepeatsMuchOfIt) {
  const auto event = parse_client_event(R"({"type":")" + std::string(200, 'x') + "\"}");
  ASSERT_FALSE(event);
  EXPECT_EQ(event.error().message.find(std::string(65, 'x')), std::string::npos);
}

TEST(HostileInput, TooManyPartsAreRefused) {
  const auto create = [](int parts) {
    std::string content = R"({"type":"input_text","text":""})";
    for (int i = 1; i < parts; ++i) content += R"(,{"type":"input_text","text":""})";
    return R"({"type":"conversation.item.create","item":{"type":"message","role":"user","content":[)" + content + "]}}";
  };
  EXPECT_EQ(code_of(create(64)), "accepted");
  EXPECT_EQ(code_of(create(65)), "array_above_max_length");
}

// A parse must end in an event or in a complete error that can be sent.
void expect_event_or_error(const std::string& text) {
  const auto event = parse_client_event(text);
  if (event) {
    if (const auto* update = std::get_if<SessionUpdate>(&event->body)) {
      const auto config = apply_session_update({}, update->session_json);
      if (config) EXPECT_FALSE(session_object_json({}, *config).empty());
      else EXPECT_FALSE(config.error().code.empty());
    }
    return;
  }
  EXPECT_FALSE(event.error().code.empty());
  EXPECT_FALSE(event.error().message.empty());
  EXPECT_FALSE(server_events::error(event.error()).empty());
}

TEST(HostileInput, RandomBytesAlwaysGiveAnError) {
  std::mt19937 random(11);
  for (int round = 0; round < 20'000; ++round) {
    std::string text(random() % 64, '\0');
    for (auto& c : text) c = static_cast<char>(random());
    const auto event = parse_client_event(text);
    ASSERT_FALSE(event);
    EXPECT_EQ(event.error().code, "invalid_json");
  }
}

const std::string seeds[] = {
    R"({"type":"session.update","event_id":"e","session":{"type":"realtime","instructions":"Be \u00e9","output_modalities":["audio"],"max_output_tokens":5,"tools":[{"type":"function","name":"f","parameters":{"type":"object"}}],"tool_choice":"auto","audio":{"input":{"format":{"type":"audio/pcm","rate":24000},"turn_detection":{"type":"server_vad","threshold":0.5,"idle_timeout_ms":null}},"output":{"voice":"alloy","speed":1.0}}}})",
    R"({"type":"input_audio_buffer.append","audio":"Zm9vYmFy","event_id":"e"})",
    R"({"type":"conversation.item.create","previous_item_id":"root","item":{"id":"i","type":"message","role":"user","content":[{"type":"input_text","text":"Hi"}]}})",
    R"({"type":"conversation.item.truncate","item_id":"i","content_index":0,"audio_end_ms":1500})",
    R"({"type":"response.create","response":{"conversation":"none","metadata":{"a":"b"},"input":[{"type":"function_call_output","call_id":"c","output":"o"}]}})",
};

std::string mutated(std::string text, std::mt19937& random) {
  static constexpr char interesting[] = "{}[]\":,\\0-9.eEtfn\x80\xff ";
  for (auto changes = 1 + random() % 4; changes > 0 && !text.empty(); --changes) {
    const std::size_t at = random() % text.size();
    switch (random() % 5) {
      case 0: text[at] = static_cast<char>(random()); break;
      case 1: text[at] = interesting[random() % (sizeof interesting - 1)]; break;
      case 2: text.erase(at, 1 + random() % 8); break;
      case 3: text.insert(at, text.substr(random() % text.size(), random() % 32)); break;
      case 4: text.resize(at); break;
    }
  }
  return text;
}

TEST(HostileInput, MutatedEventsGiveAnEventOrAnError) {
  std::mt19937 random(13);
  for (int round = 0; round < 20'000; ++round) expect_event_or_error(mutated(seeds[random() % std::size(seeds)], random));
}

TEST(HostileInput, TheFastWayOfAppendsAgreesWithTheGeneralOne) {
  std::mt19937 random(17);
  int plain_appends = 0;
  for (int round = 0; round < 20'000; ++round) {
    const std::string text = mutated(seeds[1], random);
    const auto event = parse_client_event(text);
    if (!event || text.empty() || text[0] != '{') continue;
    // A field more sends the same message the general way.
    const auto general = parse_client_event("{\"repartee_test\":1," + text.substr(1));
    ASSERT_TRUE(general) << text;
    EXPECT_EQ(general->event_id, event->event_id) << text;
    const auto* append = std::get_if<InputAudioAppend>(&event->body);
    if (!append) continue;
    EXPECT_EQ(std::get<InputAudioAppend>(general->body).bytes, append->bytes) << text;
    std::array<char, append_room_bytes> room;
    const auto plain = read_plain_append(text, room);   // what has escapes, or more fields, takes the general way alone
    if (!plain) continue;
    ++plain_appends;
    EXPECT_EQ(plain->bytes, append->bytes) << text;
    EXPECT_EQ(plain->event_id, event->event_id) << text;
  }
  EXPECT_GT(plain_appends, 100);
}

TEST(HostileInput, AnAppendThatDoesNotFitIntoTheRoomTakesTheGeneralWay) {
  std::array<char, 9> room;
  EXPECT_EQ(read_plain_append(R"({"type":"input_audio_buffer.append","audio":"Zm9vYmFyZm9v"})", room)->bytes, "foobarfoo");
  EXPECT_FALSE(read_plain_append(R"({"type":"input_audio_buffer.append","audio":"Zm9vYmFyZm9vYmFy"})", room));
  EXPECT_FALSE(read_plain_append(R"({"type":"input_audio_buffer.append","audio":"Zm9vYmFyZm9!"})", room));
  EXPECT_FALSE(read_plain_append(R"({"type":"input_audio_buffer.append","audio":"Zm9vYg==","event_id":""})", room));
}

}  // namespace
}  // namespace repartee::realtime
