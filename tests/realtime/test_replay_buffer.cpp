#include "realtime/replay_buffer.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace repartee::realtime {
namespace {

using Message = ReplayBuffer::Message;

std::vector<std::string> texts_after(const ReplayBuffer& buffer, std::uint64_t seq) {
  std::vector<std::string> out;
  std::uint64_t last = seq;
  buffer.for_each_after(seq, [&](const Message& m) {
    EXPECT_GT(m.seq, last);
    last = m.seq;
    out.emplace_back(m.data);
  });
  return out;
}

TEST(ReplayBuffer, GivesWhatCameAfterANumberInOrder) {
  ReplayBuffer buffer({});
  const TimePoint now{};
  for (const char* text : {"one", "two", "three"}) buffer.push(true, text, now);
  buffer.push(false, "sound", now);
  EXPECT_EQ(texts_after(buffer, 2), (std::vector<std::string>{"three", "sound"}));
  EXPECT_EQ(texts_after(buffer, 0).size(), 4u);
  EXPECT_TRUE(texts_after(buffer, 4).empty());
  EXPECT_TRUE(texts_after(buffer, 1'000).empty()) << "a number that was never given";
  EXPECT_EQ(buffer.lost_after(1'000), 0u);
  EXPECT_EQ(buffer.next_seq(), 5u);
  bool is_text = true;
  buffer.for_each_after(3, [&](const Message& m) { is_text = m.is_text; });
  EXPECT_FALSE(is_text);
}

TEST(ReplayBuffer, WhatOverflowedIsCountedAsLost) {
  ReplayBuffer buffer({.bytes_max = 10});
  for (int i = 0; i < 5; ++i) buffer.push(true, "1234", TimePoint{});
  EXPECT_EQ(buffer.messages(), 2u);
  EXPECT_EQ(buffer.lost_after(0), 3u);
  EXPECT_EQ(buffer.lost_after(2), 1u);
  EXPECT_EQ(buffer.lost_after(3), 0u);
  EXPECT_EQ(buffer.lost_after(5), 0u);
}

TEST(ReplayBuffer, AMessageLargerThanTheBufferIsLostWithAllBeforeIt) {
  ReplayBuffer buffer({.bytes_max = 10});
  buffer.push(true, "1234", TimePoint{});
  buffer.push(true, std::string(11, 'x'), TimePoint{});
  buffer.push(true, "5678", TimePoint{});
  EXPECT_EQ(buffer.lost_after(0), 2u);
  EXPECT_EQ(texts_after(buffer, 0), std::vector<std::string>{"5678"});
}

TEST(ReplayBuffer, ForgetsWhatIsConfirmedOrOldAndGivesTheMemoryBack) {
  ReplayBuffer buffer({.age_max = std::chrono::seconds(10)});
  const TimePoint start{};
  buffer.push(true, "a", start);
  buffer.push(true, "b", start + std::chrono::seconds(5));
  buffer.push(true, "c", start + std::chrono::seconds(9));
  buffer.forget_older_than(start + std::chrono::seconds(11));
  EXPECT_EQ(texts_after(buffer, 0), (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(buffer.sent_after(2), start + std::chrono::seconds(9));
  EXPECT_EQ(buffer.sent_after(3), std::nullopt);
  buffer.confirm(2);
  EXPECT_EQ(buffer.bytes(), 1u);
  buffer.confirm(9);
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.bytes(), 0u);
}

TEST(ReplayBuffer, PutsATailBehindAMessageAndShowsWhatIsKept) {
  ReplayBuffer buffer({.bytes_max = 10});
  EXPECT_EQ(buffer.push(true, "one", TimePoint{}, "+two"), "one+two");
  EXPECT_EQ(texts_after(buffer, 0), std::vector<std::string>{"one+two"});
  EXPECT_EQ(buffer.push(true, "123456", TimePoint{}, "789ab"), "") << "too large with its tail";
  EXPECT_EQ(buffer.lost_after(0), 2u);
}

TEST(ReplayBuffer, HoldsLittleMoreThanItKeepsAndNothingWhenAllIsOld) {
  std::mt19937 random(11);
  ReplayBuffer buffer({.bytes_max = 1 << 20, .messages_max = 5'000, .age_max = std::chrono::seconds(45)});
  TimePoint now{};
  std::vector<std::size_t> sizes{60, 1'300, 2'600, 80};   // Opus, 24 kHz and 48 kHz PCM in JSON, and all of it with events between
  for (const std::size_t usual : sizes) {
    for (int i = 0; i < 4'000; ++i) {
      now += std::chrono::milliseconds(20);
      buffer.push(true, std::string(random() % 50 == 0 ? 1'500 : usual, 'x'), now);
      buffer.forget_older_than(now);
      ASSERT_LE(buffer.capacity_bytes(), (buffer.bytes() + 16 * buffer.messages()) * 5 / 4 + 2 * 2'048 + 1'024) << usual << " " << i;
    }
  }
  EXPECT_EQ(buffer.oldest(), now - std::chrono::seconds(45) + std::chrono::milliseconds(20));
  buffer.forget_older_than(now + std::chrono::seconds(45));
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.oldest(), std::nullopt);
  EXPECT_EQ(buffer.capacity_bytes(), 0u);
}

TEST(ReplayBuffer, NumbersMayGoOnFromAnEarlierLife) {
  ReplayBuffer buffer({}, 42);
  buffer.push(true, "x", TimePoint{});
  std::uint64_t seq = 0;
  buffer.for_each_after(41, [&](const Message& m) { seq = m.seq; });
  EXPECT_EQ(seq, 42u);
}

TEST(ReplayBuffer, AgreesWithAListWhateverIsDone) {
  std::mt19937 random(7);
  ReplayBuffer buffer({.bytes_max = 400, .messages_max = 20});
  std::vector<std::string> all{""};   // by seq
  for (int step = 0; step < 5'000; ++step) {
    if (random() % 7 == 0) {
      buffer.confirm(random() % all.size());
    } else {
      all.emplace_back(random() % 60, static_cast<char>('a' + step % 26));
      buffer.push(random() % 2 == 0, all.back(), TimePoint{});
    }
    ASSERT_LE(buffer.bytes(), 400u);
    ASSERT_LE(buffer.messages(), 20u);
    const std::uint64_t after = random() % all.size();
    buffer.for_each_after(after, [&](const Message& m) { ASSERT_EQ(m.data, all[m.seq]); });
  }
}

}  // namespace
}  // namespace repartee::realtime
