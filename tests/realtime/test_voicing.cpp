// Phrases that were said before among clauses that were not: whose packets are sent, what is heard, and how it sounds.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "pipeline/opus_codec.hpp"
#include "realtime/voicing.hpp"
#include "tests/support/corpus.hpp"
#include "tests/support/map_phrase_cache.hpp"

namespace repartee::realtime {
namespace {

using pipeline::ReplyPiece;
using test::MapPhraseCache;

constexpr int rate = 16000;
constexpr std::size_t frame = rate / 1000 * frame_ms;
constexpr AudioFormat opus_format{Codec::opus, 48000};
using Packets = std::vector<std::vector<std::uint8_t>>;

// A voice-like buzz: its pitch tells phrases apart.
Samples buzz(std::size_t samples, double hz, int at_hz = rate) {
  Samples out(samples);
  for (std::size_t i = 0; i < samples; ++i) {
    double sum = 0;
    for (int k = 1; k <= 12; ++k) sum += std::sin(2 * 3.14159265 * hz * k * static_cast<double>(i) / at_hz) / k;
    out[i] = static_cast<std::int16_t>(4000 * sum);
  }
  return out;
}

std::int64_t ms_of(std::size_t samples) { return static_cast<std::int64_t>(samples) * 1000 / rate; }
std::size_t frames_of_phrase(std::size_t samples) { return (samples + pipeline::opus_lookahead_samples(rate) + frame - 1) / frame; }

// What all calls share.
struct House {
  Metrics metrics;
  pipeline::EncodedPhraseMetrics counted{metrics};
  MapPhraseCache cache;

  // A clause that the phrase cache gives whole, as CachedTts hands it out.
  ReplyPiece said_before(const Samples& samples, const std::string& word = "before", const std::string& voice = "v") {
    auto bytes = std::make_shared<const std::string>(reinterpret_cast<const char*>(samples.data()), samples.size() * 2);
    const pipeline::PhraseKey key{pipeline::PhraseKind::audio, "", voice, word};
    return {
        samples, {{word, 0, ms_of(samples.size())}}, true, std::make_shared<const pipeline::PhraseEncodings>(cache, key, bytes, counted)};
  }
  static ReplyPiece live(const Samples& samples, const std::string& word = "live") {
    return {samples, {{word, 0, ms_of(samples.size())}}, true};
  }

  int shared() const { return static_cast<int>(counted.shared.value()); }
  int encoded() const { return static_cast<int>(counted.encoded.value()); }
  int kept() { return cache.puts[pipeline::PhraseKind::packets]; }
};

// One call's reply. Every member's time is the call's own.
struct Call {
  explicit Call(AudioFormat format = opus_format, pipeline::OpusOptions opus = {}, int speech_rate_hz = rate)
      : voicing(
            {.playout = {}, .opus = opus}, format, speech_rate_hz,
            std::make_unique<Response>(
                ResponseView{.conversation_id = "conv_1", .audio_out = true, .output_format = format}, true,
                ResponseOutlets{
                    .send = [](std::string_view) {},
                    .send_binary = [this](std::span<const std::uint8_t> bytes) { packets.emplace_back(bytes.begin(), bytes.end()); }})) {}

  void run(int ms) {
    for (const auto until = now + Millis(ms); now < until; now += Millis(frame_ms)) voicing.send_due(now);
  }
  Packets say(std::vector<ReplyPiece> pieces) {
    for (auto& piece : pieces) voicing.push(std::move(piece));
    voicing.finish();
    while (!voicing.playout().all_sent()) run(frame_ms);
    return packets;
  }

  TimePoint now{std::chrono::hours(1)};
  Packets packets;
  Voicing voicing;
};

Samples decoded(const Packets& packets) {
  pipeline::OpusDecoder16k decoder;
  Samples out;
  for (const auto& packet : packets) {
    const auto samples = decoder.decode(packet);
    if (!samples) ADD_FAILURE() << samples.error().message;
    else out.insert(out.end(), samples->begin(), samples->end());
  }
  return out;
}

Packets part(const Packets& packets, std::size_t from, std::size_t count) {
  return {packets.begin() + static_cast<std::ptrdiff_t>(from), packets.begin() + static_cast<std::ptrdiff_t>(from + count)};
}

TEST(Voicing, EncodesAPhraseOnceForAllCallsWhereverItStandsInAReply) {
  House house;
  const Samples phrase = buzz(16123, 140), before = buzz(5431, 210), after = buzz(7777, 180);
  const std::size_t frames = frames_of_phrase(phrase.size());
  const Packets first = Call().say({house.said_before(phrase)});
  ASSERT_EQ(first.size(), frames);
  EXPECT_EQ(house.encoded(), 1);
  EXPECT_EQ(house.kept(), 1);

  EXPECT_EQ(Call().say({house.said_before(phrase)}), first);
  const Packets amid = Call().say({House::live(before), house.said_before(phrase), House::live(after)});
  EXPECT_EQ(part(amid, frames_of_phrase(before.size()), frames), first);
  const Packets twice = Call().say({house.said_before(phrase), house.said_before(phrase)});
  EXPECT_EQ(part(twice, 0, frames), first);
  EXPECT_EQ(part(twice, frames, frames), first);
  EXPECT_EQ(house.encoded(), 1) << "by the first call only";
  EXPECT_EQ(house.shared(), 4);
}

TEST(Voicing, MakesTheSamePacketsAmidAReplyAsAlone) {
  House one, other;
  const Samples phrase = buzz(16123, 140), before = buzz(5431, 210);
  const Packets alone = Call().say({one.said_before(phrase)});
  const Packets amid = Call().say({House::live(before), other.said_before(phrase), House::live(before)});
  EXPECT_EQ(part(amid, frames_of_phrase(before.size()), alone.size()), alone);
}

TEST(Voicing, GivesTheClauseAfterAPhraseAFrameOfItsOwnAndEveryWordItsPlace) {
  House house;
  const Samples before = buzz(5431, 210), phrase = buzz(16123, 140), after = buzz(7777, 180);
  for (int round = 0; round < 2; ++round) {  // encoding, then sharing
    Call call;
    const Packets packets =
        call.say({House::live(before, "one"), house.said_before(phrase, "two"), House::live(after, "three"), House::live(after, "four")});
    const auto& words = call.voicing.playout().words();
    ASSERT_EQ(words.size(), 4u);
    const auto second = static_cast<std::int64_t>(frames_of_phrase(before.size())) * frame_ms;
    const auto third = second + static_cast<std::int64_t>(frames_of_phrase(phrase.size())) * frame_ms;
    EXPECT_EQ(words[0].start_ms, 0);
    EXPECT_EQ(words[1].start_ms, second);
    EXPECT_EQ(words[2].start_ms, third);
    EXPECT_EQ(words[3].start_ms, third + ms_of(after.size())) << "between clauses that were not said before nothing is put";
    EXPECT_EQ(call.voicing.playout().heard_text(words[1].end_ms), "one two");
    EXPECT_EQ(call.voicing.playout().heard_text(third + ms_of(after.size()) / 2 - 1), "one two");
    EXPECT_EQ(static_cast<std::int64_t>(packets.size()), call.voicing.playout().sent_frames());
    // Where the words are said is where they are heard: each buzz begins within its frame.
    const Samples sound = decoded(packets);
    for (const auto& word : words) {
      const auto at = static_cast<std::size_t>(word.start_ms) * 16;
      double loud = 0;
      for (std::size_t i = at + frame; i < at + 2 * frame; ++i) loud += std::abs(sound[i]);
      EXPECT_GT(loud / frame, 500) << word.text;
    }
  }
}

TEST(Voicing, IsCutInTheMiddleOfAPhraseLikeAnywhere) {
  House house;
  const Samples phrase = buzz(32000, 140);
  const auto cut_after = [&](int ms) {
    Call call;
    call.voicing.push(house.said_before(phrase, "two"));
    call.run(ms);
    call.voicing.playout().cut();
    const std::size_t sent = call.packets.size();
    call.run(3000);
    EXPECT_EQ(call.packets.size(), sent) << "nothing comes after the cut";
    EXPECT_EQ(call.voicing.playout().heard_ms(call.now), static_cast<std::int64_t>(sent) * frame_ms);
    return call.packets;
  };
  cut_after(600);
  EXPECT_EQ(house.kept(), 0) << "half a phrase is none";
  const Packets whole = Call().say({house.said_before(phrase, "two")});
  EXPECT_EQ(house.kept(), 1);
  const Packets cut = cut_after(600);
  EXPECT_EQ(house.shared(), 1);
  EXPECT_EQ(cut, part(whole, 0, cut.size()));
  EXPECT_EQ(Call().say({house.said_before(phrase, "two")}), whole) << "a call that was cut leaves the packets whole";
}

TEST(Voicing, TakesTheBestPacketsThereAreAtAnyLevelOfLoad) {
  House house;
  const Samples phrase = buzz(16000, 140);
  const auto at_level = [&](int complexity) {
    Call call;
    call.voicing.set_opus_complexity(complexity);
    return call.say({house.said_before(phrase)});
  };
  const Packets plain = at_level(0);
  EXPECT_EQ(at_level(0), plain);
  EXPECT_EQ(house.shared(), 1);
  const Packets good = at_level(5);
  EXPECT_NE(good, plain) << "plain ones are not good enough for a server that has time";
  EXPECT_EQ(house.encoded(), 2);
  EXPECT_EQ(at_level(0), good) << "good ones cost a busy one nothing";
  EXPECT_EQ(at_level(5), good);
  EXPECT_EQ(house.encoded(), 2);
}

TEST(Voicing, CountsPacketsAsPlainWhenTheLevelFellWhileTheyWereMade) {
  House house;
  const Samples phrase = buzz(32000, 140);
  Call falling;
  falling.voicing.push(house.said_before(phrase));
  falling.run(600);
  falling.voicing.set_opus_complexity(0);
  falling.run(3000);
  EXPECT_EQ(house.kept(), 1);
  Call().say({house.said_before(phrase)});
  EXPECT_EQ(house.encoded(), 2);
  EXPECT_EQ(house.shared(), 0);
}

TEST(Voicing, KeepsFormatsVoicesAndSynthesesApart) {
  House house;
  const Samples phrase = buzz(16000, 140);
  Call().say({house.said_before(phrase)});
  Call(opus_format, {.bitrate_bps = 32'000}).say({house.said_before(phrase)});
  Call(opus_format, {}, 24000).say({house.said_before(phrase)});
  Call().say({house.said_before(phrase, "before", "another voice")});
  Samples again = phrase;
  again[8000] = static_cast<std::int16_t>(again[8000] + 1);
  Call().say({house.said_before(again)});
  EXPECT_EQ(house.shared(), 0);
  EXPECT_EQ(house.encoded(), 5);

  const Packets samples = Call({Codec::pcm, rate}).say({house.said_before(phrase)});
  std::size_t bytes = 0;
  for (const auto& message : samples) bytes += message.size();
  EXPECT_EQ(bytes, phrase.size() * 2) << "other formats are as they were";
  Call().say({house.said_before(phrase)});
  EXPECT_EQ(house.shared(), 1) << "and the next turn in Opus has its packets";
}

TEST(Voicing, SharesWhatAVoiceOfAnotherRateSaysInAReply) {  // an apology
  House house;
  const Samples phrase = buzz(24000, 140, 24000), before = buzz(5431, 210);
  const auto reply = [&] {
    Call call;
    call.voicing.push(House::live(before));
    call.voicing.change_speech_rate(24000);
    return call.say({house.said_before(phrase), house.said_before(phrase)});
  };
  const Packets first = reply(), second = reply();
  EXPECT_EQ(house.encoded(), 1);
  EXPECT_EQ(house.shared(), 3);
  EXPECT_EQ(second, first);
  EXPECT_NEAR(static_cast<double>(first.size()), static_cast<double>(frames_of_phrase(before.size()) + 2 * frames_of_phrase(rate)), 2);
}

// ---- how it sounds ----

// 16 kHz recordings of people, cut hard in the middle of what they say: no clause of a voice ends as badly.
std::vector<Samples> spoken(std::size_t count) {
  const auto prompts = test::asterisk_prompts();
  std::vector<Samples> out;
  if (!prompts) return out;
  for (const auto& recording : test::spread(*prompts, count)) {
    auto samples = test::load_samples(recording);
    if (!samples) return {};
    const std::size_t length = std::min<std::size_t>(samples->size() - 4000, 23456 + 517 * out.size());
    out.emplace_back(samples->begin() + 3000, samples->begin() + 3000 + static_cast<std::ptrdiff_t>(length));
  }
  return out;
}

struct Sound {
  double steepest = 0;  // difference of two samples that follow each other
  double snr_db = 0;    // against the samples that were encoded
};
constexpr std::size_t delay = pipeline::opus_lookahead_samples(rate);

Sound around(const Samples& heard, const Samples& said, std::size_t from, std::size_t count) {
  Sound sound;
  double signal = 1, noise = 1;
  for (std::size_t i = from; i < from + count && i + delay < heard.size() && i < said.size(); ++i) {
    sound.steepest = std::max(sound.steepest, std::abs(static_cast<double>(heard[i + delay]) - heard[i + delay - 1]));
    const double off = static_cast<double>(heard[i + delay]) - said[i];
    signal += static_cast<double>(said[i]) * said[i];
    noise += off * off;
  }
  sound.snr_db = 10 * std::log10(signal / noise);
  return sound;
}

Samples in_frames(std::initializer_list<Samples> clauses) {
  Samples all;
  for (const auto& clause : clauses) {
    all.insert(all.end(), clause.begin(), clause.end());
    all.resize((all.size() + pipeline::opus_lookahead_samples(rate) + frame - 1) / frame * frame, 0);
  }
  return all;
}

Samples encoded_in_one_go(const Samples& samples) {
  auto encoder = pipeline::OpusEncoder::create({.rate_hz = rate}).value();
  Packets packets;
  for (std::size_t at = 0; at + frame <= samples.size(); at += frame) {
    const auto packet = encoder.encode(std::span(samples).subspan(at, frame));
    packets.emplace_back(packet->begin(), packet->end());
  }
  return decoded(packets);
}

TEST(Voicing, JoinsPacketsAndLiveClausesWithoutAClick) {
  const auto clauses = spoken(24);
  ASSERT_EQ(clauses.size(), 24u) << "wants asterisk-core-sounds-en-g722";
  Sound joined_sum, whole_sum;
  double steepest_ratio = 0;
  int joins = 0;
  for (std::size_t i = 0; i + 2 < clauses.size(); ++i) {
    House house;
    const Samples &a = clauses[i], &b = clauses[i + 1], &c = clauses[i + 2];
    Call().say({house.said_before(b)});
    const Samples heard = decoded(Call().say({House::live(a), house.said_before(b), House::live(c)}));
    ASSERT_EQ(house.shared(), 1);
    const Samples said = in_frames({a, b, c});
    ASSERT_LE(said.size() - heard.size(), frame);
    const Samples whole = encoded_in_one_go(said);
    for (const std::size_t join : {in_frames({a}).size(), in_frames({a, b}).size()}) {
      const std::size_t from = join - 3 * frame, count = 6 * frame;  // 60 ms on either side
      const Sound mine = around(heard, said, from, count), theirs = around(whole, said, from, count);
      steepest_ratio = std::max(steepest_ratio, mine.steepest / theirs.steepest);
      joined_sum.snr_db += mine.snr_db;
      whole_sum.snr_db += theirs.snr_db;
      joined_sum.steepest += mine.steepest;
      whole_sum.steepest += theirs.steepest;
      ++joins;
    }
  }
  std::printf(
      "%d joins: steepest step %.0f, in one go %.0f (at worst %.2f times as steep); SNR of the 120 ms around %.2f dB, in one go %.2f dB\n",
      joins, joined_sum.steepest / joins, whole_sum.steepest / joins, steepest_ratio, joined_sum.snr_db / joins, whole_sum.snr_db / joins);
  EXPECT_LT(joined_sum.steepest, 1.1 * whole_sum.steepest);
  EXPECT_GT(joined_sum.snr_db / joins, whole_sum.snr_db / joins - 1);
}

TEST(Voicing, SaysAPhraseToItsLastSample) {
  House house;
  Samples phrase(16000 + 7, 0);
  const Samples end = buzz(96, 400);  // 6 ms: less than the encoder is late by
  std::copy(end.begin(), end.end(), phrase.end() - 96);
  Call().say({house.said_before(phrase)});
  const auto loudness = [&](const Samples& heard) {
    double sum = 0;
    for (std::size_t i = 15800; i < 16800; ++i) sum += std::abs(heard[i]);
    return sum;
  };
  const Samples silence(8000, 0);
  const double mine = loudness(decoded(Call().say({house.said_before(phrase), House::live(silence)})));
  EXPECT_EQ(house.shared(), 1);
  EXPECT_GT(mine, 0.8 * loudness(encoded_in_one_go(in_frames({phrase, silence}))));
}

// ---- the form that is kept ----

TEST(EncodedPhrase, IsReadAsItWasRecordedAndOtherBytesAreNone) {
  pipeline::PhraseRecording recording;
  EXPECT_FALSE(recording.complexity());
  const Packets packets{{1, 2, 3}, {4}, {5, 6}};
  for (const auto& packet : packets) recording.add(packet, 5);
  const std::string bytes = recording.to_bytes();
  const auto phrase = pipeline::EncodedPhrase::from_bytes(std::make_shared<const std::string>(bytes));
  ASSERT_TRUE(phrase);
  EXPECT_EQ(phrase->complexity(), 5);
  ASSERT_EQ(phrase->frames(), 3u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(std::vector<std::uint8_t>(phrase->packet(i).begin(), phrase->packet(i).end()), packets[i]);

  EXPECT_FALSE(pipeline::EncodedPhrase::from_bytes(nullptr));
  for (std::size_t length = 0; length < bytes.size(); ++length)
    EXPECT_FALSE(pipeline::EncodedPhrase::from_bytes(std::make_shared<const std::string>(bytes.substr(0, length)))) << length;
  EXPECT_FALSE(pipeline::EncodedPhrase::from_bytes(std::make_shared<const std::string>(bytes + "x")));
  std::mt19937 random(11);
  for (int i = 0; i < 10'000; ++i) {
    std::string other = bytes;
    other[random() % other.size()] = static_cast<char>(random());
    const auto read = pipeline::EncodedPhrase::from_bytes(std::make_shared<const std::string>(other));
    for (std::size_t at = 0; read && at < read->frames(); ++at) ASSERT_LE(read->packet(at).size(), other.size());
  }
}

TEST(EncodedPhrase, IsNotKeptWhenTheEncoderRefusedAFrame) {
  pipeline::PhraseRecording recording;
  recording.add(std::vector<std::uint8_t>{1}, 5);
  recording.add({}, 5);
  EXPECT_FALSE(recording.complexity());
}

}  // namespace
}  // namespace repartee::realtime
