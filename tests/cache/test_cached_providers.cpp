// What was said or answered before is not made again: the two providers over the real cache.
#include <gtest/gtest.h>

#include <thread>

#include "cache/l2.hpp"
#include "cache/phrases.hpp"
#include "pipeline/phrase_bytes.hpp"
#include "pipeline/providers/cached_llm.hpp"
#include "pipeline/providers/cached_tts.hpp"
#include "pipeline/providers/scripted.hpp"
#include "pipeline/reply.hpp"
#include "tests/cache/fake_second_tier.hpp"
#include "tests/persistence/cluster_fixture.hpp"
#include "tests/support/manual_loop.hpp"

namespace repartee::cache {
namespace {

using namespace pipeline;
using namespace std::chrono_literals;
using repartee::test::ManualLoop;
using test::FakeSecondTier;
using Mood = FakeSecondTier::Mood;

struct Heard {
  Samples samples;
  std::string words;
  bool from_cache = false;
  std::optional<Status> end;
  StreamPtr handle;
};

struct PhraseTest : ::testing::Test {
  Metrics metrics;
  ManualLoop loop;
  FakeSecondTier second;
  TieredCache tiers{{.flush_interval = Duration::zero()}, &second, metrics};
  Phrases phrases{tiers};
  ScriptedTtsOptions tts_options{.script = {.first_delay = 20ms}, .rate_hz = 16000};
  std::unique_ptr<ScriptedTts> voice;
  std::unique_ptr<CachedTts> tts;

  void speak_with(ScriptedTtsOptions options, CachedTts::Options cached = {}) {
    voice = std::make_unique<ScriptedTts>(std::move(options));
    tts = std::make_unique<CachedTts>(*voice, phrases, std::move(cached), metrics);
  }
  std::unique_ptr<Heard> say(const std::string& text, const std::string& owner = "", double speed = 1.0) {
    if (!tts) speak_with(tts_options);
    auto heard = std::make_unique<Heard>();
    heard->handle = tts->synthesize(loop, {.text = text, .voice = "tone", .speed = speed, .owner = owner},
                                    {.on_chunk =
                                         [h = heard.get()](SpeechChunk chunk) {
                                           h->samples.insert(h->samples.end(), chunk.samples.begin(), chunk.samples.end());
                                           for (const auto& word : chunk.words)
                                             h->words += word.text + "@" + std::to_string(word.start_ms) + " ";
                                           h->from_cache |= chunk.from_cache;
                                         },
                                     .on_end = [h = heard.get()](Status status) { h->end = std::move(status); }});
    EXPECT_TRUE(heard->samples.empty()) << "never from inside the call";
    return heard;
  }
};

TEST_F(PhraseTest, SaysAClauseAgainWithoutSynthesisAndAtOnce) {
  auto first = say("Hello there.");
  loop.advance(10s);
  ASSERT_TRUE(first->end && *first->end);
  EXPECT_FALSE(first->from_cache);
  auto again = say("Hello there.");
  loop.run();  // no time passes
  ASSERT_TRUE(again->end && *again->end);
  EXPECT_TRUE(again->from_cache);
  EXPECT_EQ(again->samples, first->samples);
  EXPECT_EQ(again->words, first->words);
  EXPECT_EQ(voice->calls(), 1u);
}

TEST_F(PhraseTest, TellsVoicesSpeedsTextsAndOwnersApart) {
  say("Hello.", "", 1.0);
  loop.advance(10s);
  auto faster = say("Hello.", "", 1.25);
  auto other = say("Hallo.", "", 1.0);
  auto someone = say("Hello.", "0192f0c1-0000-7000-8000-000000000001", 1.0);
  loop.advance(10s);
  for (const auto* heard : {faster.get(), other.get(), someone.get()}) EXPECT_FALSE(heard->from_cache);
  for (const auto& [key, value] : second.values) EXPECT_EQ(key.find("Hello"), std::string::npos) << "a key shows no text";
}

TEST_F(PhraseTest, LetsTheSecondTierAnswerBesideTheSynthesis) {
  const auto first = say("Hello there.");
  loop.advance(10s);
  tiers.forget_here("");
  auto stored = say("Hello there.");
  loop.run();
  EXPECT_TRUE(stored->from_cache);
  EXPECT_EQ(stored->samples, first->samples);

  tiers.forget_here("");
  second.mood = Mood::slow;
  auto slow = say("Hello there.");
  loop.advance(20ms);
  EXPECT_FALSE(slow->samples.empty()) << "a slow cache delays nothing";
  second.release();
  loop.advance(10s);
  EXPECT_FALSE(slow->from_cache);
  EXPECT_EQ(slow->samples, first->samples) << "and nothing is said twice";

  tiers.forget_here("");
  second.mood = Mood::down;
  auto down = say("Hello there.");
  loop.advance(10s);
  EXPECT_EQ(down->samples, first->samples);
}

TEST_F(PhraseTest, SpeaksFromTheSecondTierWhenTheVoiceFails) {
  const auto first = say("Hello there.");
  loop.advance(10s);
  tiers.forget_here("");
  second.mood = Mood::slow;
  auto failing = tts_options;
  failing.script.failure = ScriptedFailure::fail;
  speak_with(failing);
  auto saved = say("Hello there.");
  loop.advance(30ms);
  EXPECT_FALSE(saved->end) << "the cache may still know it";
  second.release();
  loop.run();
  ASSERT_TRUE(saved->end && *saved->end);
  EXPECT_EQ(saved->samples, first->samples);
  auto lost = say("Never said before.");
  loop.advance(1s);
  ASSERT_TRUE(lost->end && !*lost->end);
  EXPECT_EQ(lost->end->error().code, Errc::unavailable);
}

TEST_F(PhraseTest, KeepsNoClauseThatWasCutOrFailedOrIsTooLong) {
  say("Cut short.")->handle.reset();
  loop.advance(10s);
  auto half = tts_options;
  half.script.failure = ScriptedFailure::half;
  speak_with(half);
  auto failed = say("Half of it, and then no more.");
  loop.advance(10s);
  speak_with(tts_options, {.text_bytes_max = 10, .audio_ms_max = 300});
  auto long_text = say("Longer than ten bytes.");
  auto long_audio = say("0123456789");
  loop.advance(10s);
  EXPECT_TRUE(long_text->end && long_audio->end);
  EXPECT_TRUE(second.values.empty());
}

TEST_F(PhraseTest, IsSilentOnceItsHandleIsGone) {
  say("Hello there.");
  loop.advance(10s);
  auto cut = say("Hello there.");
  cut->handle.reset();
  loop.advance(1s);
  EXPECT_TRUE(cut->samples.empty());
  StreamPtr handle;
  int chunks = 0;
  handle = tts->synthesize(loop, {.text = "Hello there.", .voice = "tone"},
                           {.on_chunk =
                                [&](SpeechChunk) {
                                  ++chunks;
                                  handle.reset();
                                },
                            .on_end = [&](Status) { chunks = -1; }});
  loop.advance(1s);
  EXPECT_EQ(chunks, 1) << "destroyed from inside its own callback";
}

// ---- answers ----

struct Answered {
  std::string text;
  std::optional<Result<LlmEnd>> end;
  StreamPtr handle;
};

struct AnswerTest : PhraseTest {
  ScriptedLlm model{{.script = {.lines = {"First answer.", "Second answer."}, .first_delay = 50ms}}};
  CachedLlm llm{model, phrases, {.model = "m1"}};

  std::unique_ptr<Answered> ask(LlmRequest request, LlmProvider* provider = nullptr) {
    auto answered = std::make_unique<Answered>();
    answered->handle = (provider ? provider : &llm)
                           ->generate(loop, std::move(request),
                                      {.on_text = [a = answered.get()](std::string_view piece) { a->text += piece; },
                                       .on_end = [a = answered.get()](Result<LlmEnd> end) { a->end = std::move(end); }});
    return answered;
  }
  static LlmRequest question(const std::string& text) {
    LlmRequest request;
    request.persona = "You are Ada.";
    request.messages = {{Role::user, text}};
    return request;
  }
};

TEST_F(AnswerTest, AnswersARepeatedFirstQuestionWithoutTheModel) {
  auto first = ask(question("Who are you?"));
  loop.advance(10s);
  EXPECT_EQ(first->text, "First answer.");
  EXPECT_FALSE((*first->end)->from_cache);
  auto again = ask(question("Who are you?"));
  loop.run();
  EXPECT_EQ(again->text, "First answer.");
  ASSERT_TRUE(again->end && *again->end);
  EXPECT_TRUE((*again->end)->from_cache);
  EXPECT_EQ(model.calls(), 1u);
}

TEST_F(AnswerTest, AsksTheModelWhenAnythingThatDecidesTheAnswerDiffers) {
  ask(question("Who are you?"));
  loop.advance(10s);
  auto persona = question("Who are you?"), instructions = persona, passages = persona, history = persona, limit = persona;
  persona.persona = "You are Bob.";
  instructions.instructions = "Be brief.";
  passages.passages = {{.document_id = "d", .text = "Ada is a cat."}};
  history.messages.insert(history.messages.begin(), {Role::assistant, "Hello."});
  limit.output_tokens_max = 5;
  std::vector<std::unique_ptr<Answered>> asked;
  for (const auto& request : {persona, instructions, passages, history, limit}) asked.push_back(ask(request));
  loop.advance(10s);
  EXPECT_EQ(model.calls(), 6u);
  CachedLlm other(model, phrases, {.model = "m2"});
  ask(question("Who are you?"), &other);
  EXPECT_EQ(model.calls(), 7u);
}

TEST_F(AnswerTest, KeepsWholeAnswersOnly) {
  ask(question("Cut?"))->handle.reset();
  loop.advance(10s);
  ScriptedLlm failing({.script = {.lines = {"Half an answer."}, .failure = ScriptedFailure::half}});
  CachedLlm half(failing, phrases, {});
  auto failed = ask(question("Who are you?"), &half);
  loop.advance(10s);
  EXPECT_FALSE(*failed->end);
  CachedLlm tiny(model, phrases, {.model = "tiny", .answer_bytes_max = 4});
  auto too_long = ask(question("Who are you?"), &tiny);
  loop.advance(10s);
  EXPECT_EQ(too_long->text, "Second answer.");
  EXPECT_TRUE(second.values.empty());
}

TEST_F(AnswerTest, CostsNothingAndShowsInTheReply) {
  speak_with(tts_options);
  const auto reply_to = [&](const std::string& text) {
    ReplyOptions options;
    options.llm = &llm;
    options.tts = tts.get();
    options.voice = "tone";
    options.request = question(text);
    auto reply = std::make_unique<Reply>(
        loop, options,
        ReplyCallbacks{.on_text = [](std::string_view) {}, .on_speech = [](ReplyPiece) {}, .on_end = [](Status) {}, .waiting_ms = {}});
    loop.advance(20s);
    return reply;
  };
  const auto first = reply_to("Who are you?");
  EXPECT_EQ(first->cache_hits().llm + first->cache_hits().tts, 0);
  EXPECT_GT(first->tts_characters(), 0);
  EXPECT_GT(first->usage().output_tokens, 0);
  const auto again = reply_to("Who are you?");
  EXPECT_EQ(again->text(), first->text());
  EXPECT_EQ(again->cache_hits().llm, 1);
  EXPECT_GE(again->cache_hits().tts, 1);
  EXPECT_EQ(again->tts_characters(), 0);
  EXPECT_EQ(again->usage().output_tokens + again->usage().input_tokens, 0);
}

// ---- bytes ----

TEST(PhraseBytes, ComeBackAsTheyWerePackedOrNot) {
  Phrase phrase{.rate_hz = 24000, .samples = {}, .words = {{"Hello,", 0, 250, {{12, 0}, {4, 60}}}, {"there", 250, 600}}};
  for (int i = 0; i < 24000; ++i) phrase.samples.push_back(static_cast<std::int16_t>((i * i) % 7919 - 4000));
  const auto bytes = phrase_to_bytes(phrase);
  const auto packed = pack_phrase(bytes);
  ASSERT_TRUE(packed);
  EXPECT_LT(packed->size(), bytes.size());
  EXPECT_EQ(unpack_phrase(*packed), bytes) << "lossless";
  const auto again = phrase_from_bytes(bytes);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->samples, phrase.samples);
  EXPECT_EQ(again->words[1].text, "there");
  EXPECT_EQ(again->words[1].end_ms, 600);
  ASSERT_EQ(again->words[0].visemes.size(), 2u);
  EXPECT_EQ(again->words[0].visemes[1].id, 4);
  EXPECT_EQ(again->words[0].visemes[1].start_ms, 60);
}

TEST(PhraseBytes, AreNotTrusted) {
  const auto bytes = phrase_to_bytes({.rate_hz = 16000, .samples = Samples(100, 5), .words = {{"word", 0, 10}}});
  for (std::size_t n = 0; n < 36; ++n) EXPECT_FALSE(phrase_from_bytes(std::string_view(bytes).substr(0, n))) << n;
  std::string absurd = bytes;
  absurd[4] = absurd[5] = absurd[6] = absurd[7] = '\x7f';
  EXPECT_FALSE(phrase_from_bytes(absurd));
  EXPECT_FALSE(unpack_phrase(bytes));
  EXPECT_FALSE(pack_phrase("no"));
}

// ---- packets of what is said again ----

// What a call does that encodes a phrase, whatever it hears: so many packets of a kilobyte.
void keep_packets(const SpeechChunk& chunk, std::size_t packets, TimePoint now) {
  PhraseRecording recording;
  for (std::size_t i = 0; i < packets; ++i) recording.add(std::vector<std::uint8_t>(1024, static_cast<std::uint8_t>(i)), 5);
  chunk.encodings->keep({}, recording, now);
}

struct PacketsTest : PhraseTest {
  SpeechChunk said_again(const std::string& text, const std::string& owner = "") {
    const auto first = say(text, owner);
    loop.advance(60s);
    SpeechChunk found;
    const auto handle = tts->synthesize(loop, {.text = text, .voice = "tone", .owner = owner},
                                        {.on_chunk = [&](SpeechChunk chunk) { found = std::move(chunk); }, .on_end = [](const Status&) {}});
    loop.run();
    EXPECT_TRUE(found.encodings) << text;
    return found;
  }
};

TEST_F(PacketsTest, AreFoundByEverybodyWhoMaySayThePhraseAgain) {
  const std::string user = "0192f0c1-0000-7000-8000-000000000001";
  keep_packets(said_again("Hello there."), 3, loop.now());
  const auto found = said_again("Hello there.").encodings->find({}, 3, 5, loop.now());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->packet(2).front(), 2);
  EXPECT_FALSE(said_again("Hello there.").encodings->find({}, 4, 5, loop.now())) << "not so long";
  EXPECT_FALSE(said_again("Hello there.", user).encodings->find({}, 3, 5, loop.now())) << "somebody's own";
  for (const auto& [key, value] : second.values) EXPECT_EQ(key.find("packets"), std::string::npos) << "memory only";
}

TEST_F(PacketsTest, GoWithTheDataOfTheirOwner) {
  const std::string user = "0192f0c1-0000-7000-8000-000000000001";
  const auto phrase = said_again("Hello there.", user);
  keep_packets(phrase, 3, loop.now());
  ASSERT_TRUE(phrase.encodings->find({}, 3, 5, loop.now()));
  tiers.forget_owner(user);
  EXPECT_FALSE(phrase.encodings->find({}, 3, 5, loop.now()));
}

TEST_F(PacketsTest, ServeManyLoopsAtOnceWhileTheyAreMadeAnewAndForgotten) {
  EncodedPhraseMetrics counted(metrics);
  const auto bytes = std::make_shared<const std::string>("samples");
  std::vector<std::thread> loops;
  for (int n = 0; n < 4; ++n)
    loops.emplace_back([&, n] {
      for (int i = 0; i < 2000; ++i) {
        const PhraseEncodings encodings(phrases, {PhraseKind::audio, "", "v", std::to_string(i % 3)}, bytes, counted);
        if (const auto found = encodings.find({}, 4, 5, loop.now())) {
          for (std::size_t at = 0; at < 4; ++at) EXPECT_EQ(found->packet(at)[1], at);
        } else {
          PhraseRecording recording;
          for (std::size_t at = 0; at < 4; ++at)
            recording.add(std::vector<std::uint8_t>{static_cast<std::uint8_t>(n), static_cast<std::uint8_t>(at)}, 5);
          encodings.keep({}, recording, loop.now());
        }
        if (i % 97 == n) tiers.forget_here("packets:");
      }
    });
  for (auto& one : loops) one.join();
  EXPECT_EQ(counted.shared.value() + counted.encoded.value(), 8000);
  EXPECT_GT(counted.shared.value(), 4000);
}

TEST_F(PacketsTest, StayWithinTheBytesOfTheCacheAndTheOldestGo) {
  TieredCache small({.l1 = {.bytes_max = 512 * 1024, .shards = 1}, .flush_interval = Duration::zero()}, nullptr, metrics);
  Phrases few(small);
  EncodedPhraseMetrics counted(metrics);
  std::vector<PhraseEncodings> said;
  for (int i = 0; i < 40; ++i) {
    SpeechChunk chunk;
    said.emplace_back(few, PhraseKey{PhraseKind::audio, "", "v", std::to_string(i)}, std::make_shared<const std::string>("samples"), counted);
    chunk.encodings = std::make_shared<const PhraseEncodings>(said.back());
    keep_packets(chunk, 32, loop.now());
    EXPECT_LE(small.l1().bytes(), 512u * 1024);
  }
  EXPECT_FALSE(said.front().find({}, 32, 5, loop.now()));
  EXPECT_TRUE(said.back().find({}, 32, 5, loop.now()));
}

// ---- across a restart ----

class RestartTest : public persistence::test::StoreTest {};

TEST_F(RestartTest, SaysAGreetingOfTheLastRunWithoutSynthesis) {
  const std::string greeting = "Hello, nice to hear from you again. " + new_uuid();
  auto policies = default_policies();
  policies[static_cast<std::size_t>(Kind::tts_audio)].pack = pack_phrase;
  policies[static_cast<std::size_t>(Kind::tts_audio)].unpack = unpack_phrase;
  persistence::Database database(cluster_.targets().app, cache_database_options({}), metrics_);
  ManualLoop loop;
  Samples first;
  const auto run = [&](bool warmed) {
    L2 l2(database, policies, {.sweep_interval = Duration::zero()}, metrics_);
    TieredCache tiers({.policies = policies, .flush_interval = Duration::zero()}, &l2, metrics_);
    Phrases phrases(tiers);
    ScriptedTts voice({.script = {.first_delay = 10s}, .rate_hz = 16000});
    CachedTts tts(voice, phrases, {}, metrics_);
    if (warmed) {
      tiers.warm(loop.now());
      EXPECT_TRUE(l2.wait_until_written(20s));
    }
    Samples samples;
    std::optional<Status> end;
    const auto handle =
        tts.synthesize(loop, {.text = greeting, .voice = "tone"},
                       {.on_chunk = [&](SpeechChunk chunk) { samples.insert(samples.end(), chunk.samples.begin(), chunk.samples.end()); },
                        .on_end = [&](Status status) { end = std::move(status); }});
    if (first.empty()) {
      // The table has nothing: wait for its answer, then for the voice.
      loop.advance(60s);
      first = samples;
    } else {
      EXPECT_TRUE(persistence::test::wait_until([&] {
        loop.run();  // no time passes: the voice, which takes ten seconds, says nothing
        return end.has_value();
      }));
    }
    EXPECT_TRUE(end && *end);
    EXPECT_EQ(samples, first);
    EXPECT_TRUE(l2.wait_until_written(20s));
    return voice.calls();
  };
  EXPECT_EQ(run(false), 1u);
  ASSERT_FALSE(first.empty());
  EXPECT_EQ(run(true), 0u) << "warmed: memory had it at the start";
  EXPECT_EQ(run(false), 1u) << "not warmed: the voice was asked too, but the table's answer was heard";
}

}  // namespace
}  // namespace repartee::cache
