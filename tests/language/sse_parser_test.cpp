#include "pipeline/sse_parser.hpp"

#include <gtest/gtest.h>

#include <random>

#include "pipeline/providers/chat_stream.hpp"

namespace repartee::pipeline {
namespace {

std::vector<std::string> data_of(const std::vector<SseEvent>& events) {
  std::vector<std::string> data;
  for (const auto& event : events) data.push_back(event.data);
  return data;
}
using Data = std::vector<std::string>;

Data parse(std::string_view bytes) {
  SseParser parser;
  auto events = parser.push(bytes);
  EXPECT_TRUE(events.ok());
  return data_of(*events);
}

TEST(SseParser, ReadsEventsWithAnyLineEnd) {
  EXPECT_EQ(parse("data: a\n\ndata: b\n\n"), (Data{"a", "b"}));
  EXPECT_EQ(parse("data: a\r\n\r\ndata: b\r\n\r\n"), (Data{"a", "b"}));
  EXPECT_EQ(parse("data: a\r\rdata: b\r\r"), (Data{"a", "b"}));
}

TEST(SseParser, JoinsDataLinesAndIgnoresCommentsAndUnknownFields) { EXPECT_EQ(parse(": ping\nid: 7\ndata: a\nretry: 5\ndata:b\n\n"), (Data{"a\nb"})); }

TEST(SseParser, KeepsTheEventsName) {
  SseParser parser;
  auto events = parser.push("event: error\ndata: x\n\n");
  ASSERT_EQ(events->size(), 1u);
  EXPECT_EQ((*events)[0].name, "error");
}

TEST(SseParser, DropsEventsWithoutData) { EXPECT_EQ(parse("event: x\n\n\n\ndata: y\n\n"), (Data{"y"})); }

TEST(SseParser, GivesTheLastEventWithoutItsBlankLineAtTheEnd) {
  SseParser parser;
  EXPECT_TRUE(parser.push("data: [DONE]")->empty());
  EXPECT_EQ(data_of(parser.finish()), (Data{"[DONE]"}));
}

TEST(SseParser, RefusesAnEndlessLine) {
  SseParser parser({.line_bytes_max = 100, .event_bytes_max = 1000});
  EXPECT_EQ(parser.push("data: " + std::string(200, 'x')).error().code, Errc::resource_exhausted);
  EXPECT_FALSE(parser.push("\n\n").ok());
}

TEST(SseParser, RefusesAnEndlessEvent) {
  SseParser parser({.line_bytes_max = 100, .event_bytes_max = 1000});
  Status status;
  for (int i = 0; i < 100 && status.ok(); ++i) {
    auto events = parser.push("data: " + std::string(50, 'x') + "\n");
    if (!events) status = events.error();
  }
  EXPECT_EQ(status.error().code, Errc::resource_exhausted);
}

TEST(SseParser, ReadsTheSameHoweverTheBytesAreCut) {
  const std::string stream = ": c\r\n\r\ndata: one\r\n\r\ndata: two\ndata: lines\n\nevent: e\rdata: three\r\rdata:\n\ndata: [DONE]\n\n";
  const Data whole = parse(stream);
  ASSERT_EQ(whole.size(), 5u);
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    SseParser parser;
    Data data;
    for (std::size_t at = 0; at < stream.size();) {
      const std::size_t size = 1 + random() % 7;
      auto events = parser.push(std::string_view(stream).substr(at, size));
      for (auto& text : data_of(*events)) data.push_back(text);
      at += size;
    }
    ASSERT_EQ(data, whole);
  }
}

TEST(SseParser, SurvivesRandomBytes) {
  std::mt19937 random(5);
  for (int round = 0; round < 300; ++round) {
    SseParser parser;
    std::string bytes;
    for (unsigned i = random() % 300; i > 0; --i) bytes += "data: \r\n:ev\xFF\0x"[random() % 14];
    std::size_t total = 0;
    auto events = parser.push(bytes);
    ASSERT_TRUE(events.ok());
    for (const auto& event : *events) total += event.data.size();
    EXPECT_LE(total, bytes.size());
  }
}

TEST(ChatStream, LeavesOutAThinkSectionHoweverItIsCut) {
  const std::string reply = "<think>\nHmm, 1 < 2 </thin no\n</think>\n\nHello <b> there.";
  for (std::size_t size = 1; size < 20; ++size) {
    ThinkFilter filter;
    std::string said;
    for (std::size_t at = 0; at < reply.size(); at += size) said += filter.push(std::string_view(reply).substr(at, size));
    said += filter.finish();
    EXPECT_TRUE(said.ends_with("Hello <b> there.")) << said;
    EXPECT_EQ(said.find("Hmm"), std::string::npos) << said;
  }
}

TEST(ChatStream, LeavesOrdinaryTextAlone) {
  ThinkFilter filter;
  EXPECT_EQ(filter.push("<") + filter.push("3 you") + filter.finish(), "<3 you");
}

TEST(ChatStream, CallsAnythingThatIsNoJsonObjectCorrupt) {
  for (const char* data : {"{", "[]", "nonsense", "", "42"}) {
    ChatStream stream;
    EXPECT_EQ(stream.push(data).error().code, Errc::data_corrupt) << data;
  }
}

TEST(ChatStream, TakesOddButValidChunksCalmly) {
  ChatStream stream;
  for (const char* data : {"{}", R"({"choices":null})", R"({"choices":[]})", R"({"choices":[null]})", R"({"choices":[{"delta":null}]})", R"({"choices":[{"delta":{"content":null}}]})",
                           R"({"choices":[{"delta":{"content":7}}]})", R"({"usage":{"prompt_tokens":-3}})", R"({"usage":{"prompt_tokens":1e300}})", R"({"error":null})"}) {
    auto text = stream.push(data);
    ASSERT_TRUE(text.ok()) << data;
    EXPECT_EQ(*text, "");
  }
  EXPECT_FALSE(stream.complete());
  EXPECT_EQ(stream.end(400).input_tokens, 100);
}

}  // namespace
}  // namespace repartee::pipeline
