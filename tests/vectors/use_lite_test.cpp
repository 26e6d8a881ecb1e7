// The reference figures were made with the published TensorFlow.js code (@energetic-ai/embeddings@0.2.0) and the same model.
#include "pipeline/providers/use_lite.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <stdexcept>

#include "core/asio_loops.hpp"
#include "core/ids.hpp"
#include "pipeline/unigram_tokenizer.hpp"
#include "pipeline/vector_math.hpp"

namespace repartee::pipeline {
namespace {

namespace fs = std::filesystem;

struct Loaded {
  WorkerPool pool{{.name = "embed", .workers = 2}};
  std::unique_ptr<UseLiteEmbedder> embedder;
  Loaded() {
    auto made = UseLiteEmbedder::load(pool, {.models_dir = REPARTEE_MODELS_DIR});
    if (!made) throw std::runtime_error(made.error().message);
    embedder = std::move(*made);
  }
};

UseLiteEmbedder& embedder() {
  static Loaded loaded;
  return *loaded.embedder;
}

double cosine(std::string_view a, std::string_view b) {
  const auto x = embedder().encode(a), y = embedder().encode(b);
  return static_cast<double>(inner_product(x.data(), y.data(), x.size()));
}

TEST(UseLite, CutsTextIntoThePiecesThatTheReferenceCutsItInto) {
  EXPECT_EQ(embedder().tokens("How old are you?"), (std::vector<int>{728, 446, 31, 19, 54}));
  EXPECT_EQ(embedder().tokens("Please turn off the lights in the kitchen."), (std::vector<int>{1910, 867, 206, 9, 663, 7, 15, 9, 5456, 6}));
  EXPECT_EQ(embedder().tokens("hello"), (std::vector<int>{2002, 102}));
}

TEST(UseLite, MakesCharactersItDoesNotKnowOneUnknownPiece) {
  EXPECT_EQ(embedder().tokens("The warranty lasts 24 months from the date of purchase, see § 7 of the “manual” (naïve café)."),
            (std::vector<int>{34,  5187, 48, 231, 7,   1290, 690, 50, 9,   994, 14,  2625, 8,   158,  30, 0,
                              444, 14,   9,  77,  273, 1823, 236, 44, 345, 0,   105, 976,  209, 1133, 308}));
}

TEST(UseLite, TakesAnyWhiteSpaceForOneBlank) {
  EXPECT_EQ(embedder().tokens("  How\told\n\nare \xC2\xA0you? "), embedder().tokens("How old are you?"));
  EXPECT_TRUE(embedder().tokens(" \n ").empty());
}

TEST(UseLite, MakesTheVectorsThatTheReferenceMakes) {
  const std::vector<std::pair<const char*, std::array<float, 7>>> reference = {
      // the first six numbers, and the last
      {"How old are you?", {0.03869F, 0.05044F, -0.04552F, 0.05608F, -0.06008F, -0.05510F, -0.05643F}},
      {"Where is the nearest train station?", {0.05745F, 0.01681F, 0.04983F, 0.05744F, 0.04262F, 0.05131F, -0.00701F}},
      {"hello", {0.04168F, -0.02236F, -0.04761F, -0.04928F, 0.04507F, -0.04859F, 0.04913F}},
  };
  for (const auto& [text, numbers] : reference) {
    const auto vector = embedder().encode(text);
    ASSERT_EQ(vector.size(), 512U);
    for (std::size_t i = 0; i < 6; ++i) EXPECT_NEAR(vector[i], numbers[i], 2e-5) << text << ' ' << i;
    EXPECT_NEAR(vector[511], numbers[6], 2e-5) << text;
    EXPECT_NEAR(inner_product(vector.data(), vector.data(), 512), 1, 1e-5);
  }
}

TEST(UseLite, HoldsWhatMeansTheSameNearerThanWhatDoesNot) {
  const double same = cosine("Please turn off the lights in the kitchen.", "Switch the kitchen lamp off.");
  EXPECT_GT(same, 0.6);
  EXPECT_LT(cosine("Please turn off the lights in the kitchen.", "What is your age?"), same - 0.3);
}

TEST(UseLite, HearsTheEndOfATextLongerThanItsWindow) {
  std::string filler;
  for (int i = 0; i < 40; ++i) filler += "The garden has roses, tulips and an old apple tree. ";
  const std::string question = "How do I replace the printer's ink cartridge?";
  EXPECT_GT(cosine(filler + "Replace the ink cartridge of the printer by opening its lid.", question), cosine(filler, question) + 0.01);
}

TEST(UseLite, GivesTextWithoutWordsNoDirection) {
  for (const char* text : {"", "  ", "...", "—"}) {
    for (const float x : embedder().encode(text)) EXPECT_EQ(x, 0) << text;
  }
}

TEST(UseLite, TakesHostileTextWithoutHarm) {
  std::string bytes;
  for (int i = 0; i < 70'000; ++i) bytes += static_cast<char>(i * 131 % 256);
  EXPECT_EQ(embedder().encode(bytes).size(), 512U);
  EXPECT_EQ(embedder().encode(std::string(200'000, 'a')).size(), 512U);
}

// The answer of one call, waited for.
Result<Embeddings> embed(std::vector<std::string> texts) {
  AsioLoops loops(1);
  loops.start();
  std::mutex mutex;
  std::condition_variable ended;
  std::optional<Result<Embeddings>> result;
  StreamPtr handle;
  loops.loop(0).post([&] {
    handle = embedder().embed(loops.loop(0), {.texts = std::move(texts)}, [&](Result<Embeddings> embeddings) {
      std::lock_guard lock(mutex);
      result = std::move(embeddings);
      ended.notify_all();
    });
  });
  std::unique_lock lock(mutex);
  ended.wait_for(lock, std::chrono::seconds(30), [&] { return result.has_value(); });
  lock.unlock();
  loops.stop();
  return result ? *result : Error{Errc::internal, "no answer"};
}

TEST(UseLite, AnswersOnTheLoopWithOneVectorAText) {
  const auto embeddings = embed({"How old are you?", "hello"});
  ASSERT_TRUE(embeddings) << embeddings.error().message;
  ASSERT_EQ(embeddings->vectors.size(), 2U);
  EXPECT_EQ(embeddings->vectors[1], embedder().encode("hello"));
  EXPECT_EQ(embeddings->input_tokens, 0);
}

TEST(UseLite, RefusesMoreTextsThanItSaysItTakes) {
  const auto refused = embed(std::vector<std::string>(embedder().texts_max() + 1, "hello"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::invalid_argument);
}

TEST(UseLite, SaysWhatIsMissingOrDamaged) {
  WorkerPool pool({.workers = 1});
  const fs::path dir = fs::temp_directory_path() / ("use-lite-" + new_uuid());
  EXPECT_EQ(UseLiteEmbedder::load(pool, {.models_dir = dir}).error().code, Errc::not_found);
  fs::create_directories(dir / "use-lite");
  const auto write = [&](const char* name, std::string_view text) { std::ofstream(dir / "use-lite" / name) << text; };
  for (const char* json :
       {"", "{", "[]", "{\"weightsManifest\":[]}", "{\"weightsManifest\":[{\"paths\":[\"../../etc/passwd\"],\"weights\":[]}]}",
        "{\"weightsManifest\":[{\"paths\":[],\"weights\":[{\"name\":\"x\",\"shape\":[4]}]}]}"}) {
    write("model.json", json);
    const auto loaded = UseLiteEmbedder::load(pool, {.models_dir = dir});
    ASSERT_FALSE(loaded) << json;
    EXPECT_TRUE(loaded.error().code == Errc::data_corrupt || loaded.error().code == Errc::not_found) << loaded.error().message;
  }
  fs::remove_all(dir);
}

TEST(UnigramTokenizer, ChoosesTheMostProbableSegmentation) {
  const UnigramTokenizer tokenizer({{"?", 0},
                                    {"\xE2\x96\x81", -3},
                                    {"ab", -2},
                                    {"a", -2.5F},
                                    {"b", -2.5F},
                                    {"\xE2\x96\x81"
                                     "a",
                                     -1}},
                                   1);
  EXPECT_EQ(tokenizer.tokens("ab"), (std::vector<int>{5, 4}));  // -3.5 against -5
  EXPECT_EQ(tokenizer.tokens("bab"), (std::vector<int>{1, 4, 2}));
  EXPECT_EQ(tokenizer.tokens("xxb"), (std::vector<int>{1, 0, 4}));
}

TEST(VectorMath, MultipliesLikeTheDefinition) {
  constexpr std::size_t rows = 7, inner = 5, cols = 9;
  std::vector<float> x(rows * inner), w(inner * cols), bias(cols), y(rows * cols);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 11) - 4;
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = static_cast<float>(i % 7) - 3;
  for (std::size_t i = 0; i < cols; ++i) bias[i] = static_cast<float>(i);
  multiply(x.data(), w.data(), bias.data(), y.data(), rows, inner, cols);
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < cols; ++c) {
      float sum = bias[c];
      for (std::size_t i = 0; i < inner; ++i) sum += x[r * inner + i] * w[i * cols + c];
      EXPECT_FLOAT_EQ(y[r * cols + c], sum);
    }
}

TEST(VectorMath, AddsUpEveryElementOfAnyLength) {
  for (const std::size_t n : {0, 1, 31, 32, 33, 100}) {
    std::vector<float> a(n, 2), b(n, 3);
    EXPECT_FLOAT_EQ(inner_product(a.data(), b.data(), n), 6 * static_cast<float>(n));
  }
}

TEST(VectorMath, RefusesToNormaliseWhatHasNoDirection) {
  std::vector<float> zero(4, 0), one = {3, 4}, broken = {1, NAN};
  EXPECT_FALSE(normalise(zero));
  EXPECT_FALSE(normalise(broken));
  EXPECT_TRUE(normalise(one));
  EXPECT_FLOAT_EQ(one[1], 0.8F);
}

}  // namespace
}  // namespace repartee::pipeline
