#include "pipeline/vector_index.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <random>
#include <thread>

#include "core/ids.hpp"
#include "pipeline/vector_math.hpp"

namespace repartee::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t dimension = 16;

class Vectors {
 public:
  std::vector<float> next() {
    std::vector<float> vector(dimension);
    for (float& x : vector) x = spread_(random_);
    normalise(vector);
    return vector;
  }
  VectorIndex::Document document(std::string user, std::string id, std::string echo, int chunks) {
    VectorIndex::Document made{std::move(user), std::move(id), std::move(echo), "stamp", {}};
    for (int i = 0; i < chunks; ++i) made.chunks.push_back({i, next()});
    return made;
  }

 private:
  std::mt19937 random_{7};
  std::normal_distribution<float> spread_;
};

VectorIndex::Options small() {
  return {.dimension = dimension, .exact_rows_max = 50, .rows_max = 5000, .links = 8, .build_candidates = 60, .search_candidates = 60};
}

std::vector<std::string> ids(const std::vector<VectorHit>& hits) {
  std::vector<std::string> out;
  for (const auto& hit : hits) out.push_back(hit.document_id + '#' + std::to_string(hit.ordinal));
  return out;
}

// What an index must find: every chunk looked at.
std::vector<std::string> nearest(const std::vector<VectorIndex::Document>& documents, const KnowledgeScope& scope,
                                 const std::vector<float>& question, std::size_t count) {
  std::vector<std::pair<float, std::string>> all;
  for (const auto& document : documents) {
    if (document.user_id != scope.user_id || !scope.admits(document.echo_id)) continue;
    for (const auto& chunk : document.chunks)
      all.emplace_back(inner_product(chunk.vector.data(), question.data(), dimension), document.id + '#' + std::to_string(chunk.ordinal));
  }
  std::sort(all.rbegin(), all.rend());
  std::vector<std::string> out;
  for (std::size_t i = 0; i < std::min(count, all.size()); ++i) out.push_back(all[i].second);
  return out;
}

struct VectorIndexTest : testing::Test {
  void add(VectorIndex::Document document) {
    ASSERT_TRUE(index.put(document));
    documents.push_back(std::move(document));
  }
  void remove(const std::string& id) {
    index.remove(id);
    std::erase_if(documents, [&](const auto& document) { return document.id == id; });
  }
  void build() {
    while (index.build(16)) {}
  }
  double recall(const KnowledgeScope& scope, std::size_t count = 10) {
    double found = 0, wanted = 0;
    for (int i = 0; i < 40; ++i) {
      const auto question = vectors.next();
      const auto truth = nearest(documents, scope, question, count), hits = ids(index.search(scope, question, count));
      EXPECT_EQ(hits.size(), truth.size());
      wanted += static_cast<double>(truth.size());
      for (const auto& id : truth) found += std::count(hits.begin(), hits.end(), id);
    }
    return found / wanted;
  }

  Vectors vectors;
  VectorIndex index{small()};
  std::vector<VectorIndex::Document> documents;
  const fs::path file = fs::temp_directory_path() / ("vectors-" + new_uuid());
  ~VectorIndexTest() override { fs::remove(file); }
};

TEST_F(VectorIndexTest, FindsExactlyTheNearestAmongFew) {
  add(vectors.document("u", "a", "", 10));
  add(vectors.document("u", "b", "", 10));
  EXPECT_EQ(recall({.user_id = "u"}), 1);
  const auto hits = index.search({.user_id = "u"}, documents[1].chunks[4].vector, 3);
  ASSERT_EQ(hits.size(), 3U);
  EXPECT_EQ(hits[0].document_id, "b");
  EXPECT_EQ(hits[0].ordinal, 4);
  EXPECT_NEAR(hits[0].score, 1, 1e-5);
  EXPECT_GT(hits[0].score, hits[1].score);
}

TEST_F(VectorIndexTest, NeverShowsAnothersDocuments) {
  add(vectors.document("u", "mine", "", 5));
  add(vectors.document("v", "theirs", "", 5));
  for (const auto& hit : index.search({.user_id = "u"}, documents[1].chunks[0].vector, 50)) EXPECT_EQ(hit.document_id, "mine");
  EXPECT_TRUE(index.search({.user_id = "w"}, vectors.next(), 5).empty());
}

TEST_F(VectorIndexTest, KeepsToTheClonesScope) {
  add(vectors.document("u", "of-e", "e", 2));
  add(vectors.document("u", "of-f", "f", 2));
  add(vectors.document("u", "of-all", "", 2));
  const auto seen = [&](const std::string& echo, const std::string& scope) {
    std::vector<std::string> out;
    for (const auto& hit : index.search({"u", echo, scope}, vectors.next(), 50))
      if (std::find(out.begin(), out.end(), hit.document_id) == out.end()) out.push_back(hit.document_id);
    std::sort(out.begin(), out.end());
    return out;
  };
  EXPECT_EQ(seen("e", "all"), (std::vector<std::string>{"of-all", "of-e"}));
  EXPECT_EQ(seen("e", "own"), (std::vector<std::string>{"of-e"}));
  EXPECT_EQ(seen("e", "none"), (std::vector<std::string>{}));
  EXPECT_EQ(seen("", "all"), (std::vector<std::string>{"of-all", "of-e", "of-f"}));
}

TEST_F(VectorIndexTest, WalksAGraphOnceThereAreMany) {
  for (int d = 0; d < 40; ++d) add(vectors.document("u", "d" + std::to_string(d), d % 2 ? "e" : "", 20));
  EXPECT_EQ(recall({.user_id = "u"}), 1);  // exact until the graph is whole
  build();
  EXPECT_GE(recall({.user_id = "u"}), 0.97);
  EXPECT_GE(recall({"u", "e", "own"}), 0.97);  // half of them
}

TEST_F(VectorIndexTest, AnswersFromFewAmongManyExactly) {
  for (int d = 0; d < 40; ++d) add(vectors.document("u", "d" + std::to_string(d), d == 7 ? "e" : "f", 20));
  build();
  EXPECT_EQ(recall({"u", "e", "own"}), 1);
}

TEST_F(VectorIndexTest, FollowsEveryChangeWithAGraph) {
  for (int d = 0; d < 30; ++d) add(vectors.document("u", "d" + std::to_string(d), "", 20));
  build();
  for (int d = 0; d < 25; ++d) {  // enough for the graph to be built anew
    remove("d" + std::to_string(d));
    add(vectors.document("u", "n" + std::to_string(d), "", 20));
    if (d % 3 == 0) index.build(7);
    if (d % 10 == 0) { EXPECT_GE(recall({.user_id = "u"}), 0.95) << d; }
  }
  build();
  EXPECT_GE(recall({.user_id = "u"}), 0.95);
  EXPECT_EQ(index.rows(), 600U);
}

TEST_F(VectorIndexTest, ReplacesADocument) {
  add(vectors.document("u", "a", "", 10));
  const auto old = documents[0].chunks[3].vector;
  documents.clear();
  add(vectors.document("u", "a", "", 4));
  EXPECT_EQ(index.rows(), 4U);
  EXPECT_LT(index.search({.user_id = "u"}, old, 1).at(0).score, 0.999);
  EXPECT_EQ(recall({.user_id = "u"}), 1);
}

TEST_F(VectorIndexTest, RefusesWhatDoesNotFit) {
  auto crooked = vectors.document("u", "a", "", 1);
  crooked.chunks[0].vector.pop_back();
  EXPECT_EQ(index.put(crooked).error().code, Errc::invalid_argument);
  EXPECT_EQ(index.put(vectors.document("u", "b", "", 5001)).error().code, Errc::resource_exhausted);
  EXPECT_EQ(index.rows(), 0U);
  EXPECT_TRUE(index.search({.user_id = "u"}, std::vector<float>(dimension + 1), 3).empty());
}

TEST_F(VectorIndexTest, IsSavedAndLoadedWithItsGraph) {
  for (int d = 0; d < 10; ++d) add(vectors.document("u", "d" + std::to_string(d), d % 2 ? "e" : "", 20));
  add(vectors.document("v", "other", "", 3));
  build();
  remove("d3");
  add(vectors.document("u", "late", "", 5));  // not in the graph
  ASSERT_TRUE(index.save(file, "use"));
  EXPECT_EQ(fs::status(file).permissions() & (fs::perms::group_all | fs::perms::others_all), fs::perms::none);
  VectorIndex loaded(small());
  ASSERT_TRUE(loaded.load(file, "use"));
  EXPECT_EQ(loaded.rows(), index.rows());
  EXPECT_EQ(loaded.stamps(), index.stamps());
  for (int i = 0; i < 20; ++i) {
    const auto question = vectors.next();
    EXPECT_EQ(ids(loaded.search({.user_id = "u"}, question, 10)), ids(index.search({.user_id = "u"}, question, 10)));
  }
  ASSERT_TRUE(loaded.put(vectors.document("u", "later", "", 30)));  // and goes on from there
  loaded.remove("d4");
  while (loaded.build(16)) {}
  EXPECT_EQ(loaded.rows(), index.rows() + 10);
}

TEST_F(VectorIndexTest, RefusesADamagedFileAndOneOfAnotherEmbedder) {
  EXPECT_EQ(index.load(file, "use").error().code, Errc::not_found);
  for (int d = 0; d < 5; ++d) add(vectors.document("u", "d" + std::to_string(d), "", 20));
  build();
  ASSERT_TRUE(index.save(file, "use"));
  std::string bytes;
  {
    std::ifstream in(file, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(in), {});
  }
  VectorIndex loaded(small());
  EXPECT_EQ(loaded.load(file, "other").error().code, Errc::data_corrupt);
  std::mt19937 random(3);
  for (int i = 0; i < 60; ++i) {
    std::string broken = bytes;
    if (i % 2) broken.resize(random() % bytes.size());
    else broken[random() % bytes.size()] ^= static_cast<char>(1 + random() % 255);
    std::ofstream(file, std::ios::binary | std::ios::trunc) << broken;
    EXPECT_FALSE(loaded.load(file, "use")) << i;
  }
  EXPECT_EQ(loaded.rows(), 0U);
}

TEST_F(VectorIndexTest, IsSearchedWhileItChanges) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> searchers;
  for (int t = 0; t < 2; ++t)
    searchers.emplace_back([&, t] {
      std::mt19937 random(static_cast<unsigned>(t));
      std::normal_distribution<float> spread;
      while (!stop) {
        std::vector<float> question(dimension);
        for (float& x : question) x = spread(random);
        normalise(question);
        for (const auto& hit : index.search({.user_id = "u"}, question, 5)) EXPECT_LE(hit.score, 1.001);
        index.rows();
      }
    });
  for (int round = 0; round < 60; ++round) {
    ASSERT_TRUE(index.put(vectors.document("u", "d" + std::to_string(round % 20), "", 12)));
    index.build(8);
    if (round % 5 == 0) index.remove("d" + std::to_string(round % 7));
  }
  stop = true;
  for (auto& searcher : searchers) searcher.join();
}

}  // namespace
}  // namespace repartee::pipeline
