#include "pipeline/hybrid_retriever.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <map>
#include <optional>
#include <utility>

#include "core/asio_loops.hpp"
#include "pipeline/cached_retrieval.hpp"

namespace repartee::pipeline {
namespace {

// Two documents; "warm" means what "hot" means to the embedder below.
struct FakeStore final : PassageStore {
  std::vector<Passage> all = {{"d1", "oven.md", "The oven gets very hot. It needs ten minutes for it.", 0, 0},
                              {"d2", "garden.md", "The garden has roses. They want water.", 0, 0}};
  std::optional<Error> failure;
  std::atomic<int> word_searches{0};

  Result<Found> by_words(const KnowledgeScope&, const std::vector<std::string>& words, std::size_t count) override {
    ++word_searches;
    if (failure) return *failure;
    Found found;
    found.counts.passages = all.size();
    for (const auto& passage : all) {
      bool holds = false;
      for (const auto& word : words)
        if (passage.text.find(word) != std::string::npos) ++found.counts.holders[word], holds = true;
      if (holds && found.passages.size() < count) found.passages.push_back(passage);
    }
    for (const auto& word : words) found.counts.holders.emplace(word, 0);
    return found;
  }
  Result<std::vector<Passage>> fetch(const KnowledgeScope&, const std::vector<VectorHit>& which) override {
    std::vector<Passage> found;
    for (const auto& hit : which)
      for (const auto& passage : all)
        if (passage.document_id == hit.document_id && passage.ordinal == hit.ordinal) found.push_back(passage);
    return found;
  }
  bool has_knowledge(const std::string&, const std::string&) const override { return true; }
};

// One axis for heat, one for gardens.
struct FakeMeaning final : Embedder {
  std::atomic<int> texts_made{0};
  std::atomic<bool> fails{false}, mute{false};
  std::string_view name() const override { return "meaning/1"; }
  std::size_t dimension() const override { return 2; }
  std::size_t texts_max() const override { return 3; }
  StreamPtr embed(Loop& loop, EmbedRequest request, std::function<void(Result<Embeddings>)> done) override {
    EXPECT_LE(request.texts.size(), texts_max());
    if (mute) return nullptr;
    return loop.after(Duration::zero(), [this, request, done] {
      if (fails) return done(Error{Errc::unavailable, "no meaning today"});
      Embeddings made;
      for (const auto& text : request.texts) {
        const bool heat = text.find("hot") != std::string::npos || text.find("warm") != std::string::npos,
                   garden = text.find("garden") != std::string::npos || text.find("rose") != std::string::npos;
        made.vectors.push_back({heat ? 1.0F : 0.0F, garden ? 1.0F : 0.0F});
        ++texts_made;
      }
      done(std::move(made));
    });
  }
};

struct FakeVectors final : VectorSearch {
  Result<std::vector<VectorHit>> nearest(const KnowledgeScope&, std::span<const float> question, std::size_t) override {
    if (question[0] > 0) return std::vector<VectorHit>{{"d1", 0, 0.9}, {"d2", 0, 0.0}};
    if (question[1] > 0) return std::vector<VectorHit>{{"d2", 0, 0.9}, {"d1", 0, 0.0}};
    return std::vector<VectorHit>{};
  }
};

struct HybridRetrieverTest : testing::Test {
  HybridRetrieverTest() { loops.start(); }
  ~HybridRetrieverTest() override { loops.stop(); }

  Result<Retrieval> ask_of(Retriever& retriever, RetrievalRequest request) {
    std::promise<Result<Retrieval>> answered;
    StreamPtr handle;
    loops.loop(0).post([&] {
      handle = retriever.retrieve(loops.loop(0), request, [&](Result<Retrieval> found) { answered.set_value(std::move(found)); });
    });
    auto result = answered.get_future().get();
    std::promise<void> dropped;
    loops.loop(0).post([&] {
      handle.reset();
      dropped.set_value();
    });
    dropped.get_future().wait();
    return result;
  }
  Result<Retrieval> ask(const std::string& question, HybridRetriever::Options options = {}, bool with_vectors = true) {
    HybridRetriever retriever(store, with_vectors ? &vectors : nullptr, with_vectors ? &meaning : nullptr, pool, options);
    return ask_of(retriever, {.question = question, .user_id = "u"});
  }

  AsioLoops loops{1};
  WorkerPool pool{{.workers = 2}};
  FakeStore store;
  FakeMeaning meaning;
  FakeVectors vectors;
};

TEST_F(HybridRetrieverTest, FindsByWords) {
  const auto found = ask("How much water do the roses want?");
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_FALSE(found->passages.empty());
  EXPECT_EQ(found->passages[0].filename, "garden.md");
  EXPECT_EQ(found->passages[0].sentence_scores.size(), 2U);
  EXPECT_EQ(found->embedder, "meaning/1");
}

TEST_F(HybridRetrieverTest, FindsByMeaningWhatHoldsNoWordOfTheQuestion) {
  HybridRetriever::Options options;
  options.ranking.relevant_min = 0.3;
  const auto found = ask("Is it warm?", options);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->passages.size(), 1U);
  EXPECT_EQ(found->passages[0].filename, "oven.md");
}

TEST_F(HybridRetrieverTest, LeavesOutWhatDoesNotFit) {
  const auto found = ask("Who is the president of Peru?");
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->passages.empty());
}

TEST_F(HybridRetrieverTest, GoesByTheWordsWhenThereAreNoVectors) {
  for (const int trouble : {0, 1, 2}) {
    meaning.fails = trouble == 1;
    meaning.mute = trouble == 2;
    const auto found = ask("Do the roses want water?", {.embedding_patience = Millis(20)}, trouble != 0);
    ASSERT_TRUE(found) << trouble;
    ASSERT_EQ(found->passages.size(), 1U) << trouble;
    EXPECT_EQ(found->passages[0].filename, "garden.md");
  }
}

TEST_F(HybridRetrieverTest, PassesOnThatTheStoreFails) {
  store.failure = Error{Errc::unavailable, "the database is away"};
  EXPECT_EQ(ask("Do the roses want water?").error().code, Errc::unavailable);
}

TEST_F(HybridRetrieverTest, LooksNowhereWithoutAScope) {
  HybridRetriever retriever(store, &vectors, &meaning, pool, {});
  const auto found = ask_of(retriever, {.question = "roses", .user_id = "u", .scope = "none"});
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->passages.empty());
  EXPECT_EQ(store.word_searches, 0);
}

TEST_F(HybridRetrieverTest, IsSilentOnceItsHandleIsGone) {
  HybridRetriever retriever(store, &vectors, &meaning, pool, {});
  std::promise<void> done;
  loops.loop(0).post([&] {
    for (int i = 0; i < 20; ++i)
      retriever.retrieve(loops.loop(0), {.question = "Do the roses want water?", .user_id = "u"}, [](Result<Retrieval>) { FAIL(); })
          .reset();
    done.set_value();
  });
  done.get_future().wait();
  EXPECT_TRUE(ask("Do the roses want water?"));  // whoever comes later is served
}

// ---- remembering ----

struct MemoryCache final : PhraseCache {
  std::map<std::string, PhraseBytes> now, later;
  static std::string name(const PhraseKey& key) { return key.owner + '|' + key.material; }
  PhraseBytes find_now(const PhraseKey& key, TimePoint) override { return now.contains(name(key)) ? now[name(key)] : nullptr; }
  StreamPtr find_later(Loop& loop, const PhraseKey& key, std::function<void(PhraseBytes)> done) override {
    return loop.after(Duration::zero(), [this, key, done] { done(later.contains(name(key)) ? later[name(key)] : nullptr); });
  }
  void put(const PhraseKey& key, std::string bytes, TimePoint) override {
    now[name(key)] = std::make_shared<const std::string>(std::move(bytes));
  }
};

struct CachedRetrievalTest : HybridRetrieverTest {
  Result<Retrieval> ask_cached(const std::string& question, const std::string& user = "u") {
    HybridRetriever inner(store, &vectors, &meaning, pool, {});
    CachedRetriever cached(inner, cache, "settings", [this](const std::string&) { return version; });
    return ask_of(cached, {.question = question, .user_id = user});
  }
  MemoryCache cache;
  std::string version = "1";
};

TEST_F(CachedRetrievalTest, AnswersFromMemoryTheSecondTime) {
  const auto first = ask_cached("Do the roses want water?"), second = ask_cached("Do the  roses want water? ");
  ASSERT_TRUE(second);
  EXPECT_FALSE(first->from_cache);
  EXPECT_TRUE(second->from_cache);
  EXPECT_EQ(store.word_searches, 1);
  ASSERT_EQ(second->passages.size(), first->passages.size());
  EXPECT_EQ(second->passages[0].text, first->passages[0].text);
  EXPECT_EQ(second->passages[0].sentence_scores, first->passages[0].sentence_scores);
}

TEST_F(CachedRetrievalTest, SearchesAnewForAnotherUserAndAfterAChange) {
  EXPECT_TRUE(ask_cached("Do the roses want water?"));
  EXPECT_FALSE(ask_cached("Do the roses want water?", "v")->from_cache);
  version = "2";
  EXPECT_FALSE(ask_cached("Do the roses want water?")->from_cache);
}

TEST_F(CachedRetrievalTest, TakesTheSlowTiersAnswerWhenItIsFirst) {
  EXPECT_TRUE(ask_cached("Do the roses want water?"));
  cache.later = std::exchange(cache.now, {});
  store.failure = Error{Errc::unavailable, "slower than the cache, and broken"};
  const auto found = ask_cached("Do the roses want water?");
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->from_cache);
}

TEST_F(CachedRetrievalTest, TakesDamagedBytesForNothing) {
  EXPECT_TRUE(ask_cached("Do the roses want water?"));
  for (auto& [key, bytes] : cache.now) bytes = std::make_shared<const std::string>("{\"embedder\":3}");
  EXPECT_FALSE(ask_cached("Do the roses want water?")->from_cache);
}

TEST_F(CachedRetrievalTest, EmbedsATextOnceAnOwner) {
  CachedEmbedder cached(meaning, cache);
  const auto embed = [&](std::vector<std::string> texts, const std::string& owner) {
    std::promise<Result<Embeddings>> answered;
    StreamPtr handle;
    loops.loop(0).post([&] {
      handle = cached.embed(loops.loop(0), {.texts = texts, .owner = owner},
                            [&](Result<Embeddings> made) { answered.set_value(std::move(made)); });
    });
    auto made = answered.get_future().get();
    std::promise<void> dropped;
    loops.loop(0).post([&] {
      handle.reset();
      dropped.set_value();
    });
    dropped.get_future().wait();
    return *made;
  };
  embed({"hot", "cold"}, "u");
  const auto again = embed({"rose", "hot"}, "u");
  EXPECT_EQ(meaning.texts_made, 3);
  EXPECT_EQ(again.vectors, (std::vector<std::vector<float>>{{0, 1}, {1, 0}}));
  embed({"hot"}, "v");
  EXPECT_EQ(meaning.texts_made, 4);
  embed({"hot"}, "");
  EXPECT_EQ(meaning.texts_made, 5);
}

// ---- ranking ----

TEST(Ranking, FusesListsByPositions) {
  const auto fused = reciprocal_rank_fusion({{"a", "b", "c"}, {"c", "d"}});
  ASSERT_EQ(fused.size(), 4U);
  EXPECT_EQ(fused[0].first, "c");
  EXPECT_EQ(fused[1].first, "a");
  EXPECT_NEAR(fused[0].second, 1 / 63.0 + 1 / 61.0, 1e-12);
  EXPECT_TRUE(reciprocal_rank_fusion({}).empty());
}

TEST(Ranking, SearchesForTheWordsThatCarryMeaning) {
  EXPECT_EQ(question_words("What's the price of the price list, please?"), (std::vector<std::string>{"price", "list"}));
  EXPECT_TRUE(question_words("what is it").empty());
  EXPECT_EQ(question_words("red green blue", 2).size(), 2U);
}

TEST(Ranking, CountsRareWordsMore) {
  const WordCounts counts{{{"guarantee", 1}, {"machine", 90}}, 100};
  const QuestionModel model("guarantee machine", counts);
  EXPECT_GT(model.coverage({"guarante"}, {}), 0.8);
  EXPECT_LT(model.coverage({"machin"}, {}), 0.2);
  EXPECT_GT(model.coverage({"guarante"}, {"machin"}), model.coverage({"guarante"}, {}));
  EXPECT_EQ(model.coverage({}, {}), 0);
}

TEST(Ranking, GivesNothingForNothing) {
  EXPECT_TRUE(rank_passages("", {}, {}, 5).empty());
  EXPECT_TRUE(rank_passages("why", {}, {{{"d", "f.md", "", 0, 0}, 1, {}}}, 5).empty());
}

}  // namespace
}  // namespace repartee::pipeline
