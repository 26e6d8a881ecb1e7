#include "knowledge/index_keeper.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <mutex>

#include "knowledge/stored_passages.hpp"
#include "persistence/digest.hpp"
#include "persistence/repositories/knowledge.hpp"
#include "tests/persistence/cluster_fixture.hpp"

namespace repartee::knowledge {
namespace {

using namespace persistence;
using persistence::test::wait_until;

constexpr Statement tell{"test_tell_knowledge", "SELECT pg_notify('repartee_knowledge', $1)"};

class IndexKeeperTest : public persistence::test::StoreTest {
 protected:
  static pipeline::VectorIndex::Options index_options() { return {.dimension = 4, .exact_rows_max = 1000, .rows_max = 10'000}; }
  std::unique_ptr<IndexKeeper> keep(pipeline::VectorIndex* index, IndexKeeper::Options options = {}) {
    options.embedder = "model/1";
    auto keeper = std::make_unique<IndexKeeper>(
        cluster_.targets().owner, index, options,
        [this](const std::string& user_id) {
          std::lock_guard lock(mutex_);
          changed_.insert(user_id);
        },
        metrics_);
    EXPECT_TRUE(wait_until([&] { return keeper->settled(); }));
    return keeper;
  }
  bool told_of(const std::string& user_id) {
    std::lock_guard lock(mutex_);
    return changed_.contains(user_id);
  }

  KnowledgeDocument add_document(const std::string& name, std::optional<std::string> echo = {}, const std::string& embedder = "model/1",
                                 std::vector<float> vector = {1, 0, 0, 0}) {
    KnowledgeDocument document;
    document.echo_id = std::move(echo);
    document.filename = name;
    document.content_type = "text/plain";
    document.size_bytes = 10;
    document.checksum = sha256_hex(name + user_);
    document.chunk_count = 1;
    document.status = "completed";
    document.vector_ids = {embedder};
    auto made = KnowledgeDocumentRepository(app_).create(document, user_);
    EXPECT_TRUE(made) << made.error().message;
    KnowledgeChunk chunk;
    chunk.document_id = made->id;
    chunk.text = "The " + name + " has a guarantee of two years.";
    chunk.embedding = std::move(vector);
    auto stored = KnowledgeChunkRepository(app_).create(chunk, user_);
    EXPECT_TRUE(stored) << stored.error().message;
    notify(made->id);
    return *made;
  }
  void remove_document(const std::string& id) {
    EXPECT_TRUE(KnowledgeDocumentRepository(app_).remove(id, user_));
    notify(id);
  }
  void notify(const std::string& id) {
    ASSERT_TRUE(owner_.run([&](Transaction& t) { t.exec(tell, Params(id)); }));
  }
  std::size_t hits(const pipeline::VectorIndex& index, const std::string& echo = "", const std::string& scope = "all") {
    return index.search({user_, echo, scope}, std::vector<float>{1, 0, 0, 0}, 100).size();
  }

  std::mutex mutex_;
  std::set<std::string> changed_;
};

TEST_F(IndexKeeperTest, LoadsWhatThereIsAndFollowsWhatIsTold) {
  const auto before = add_document("fridge");
  pipeline::VectorIndex index(index_options());
  const auto keeper = keep(&index);
  EXPECT_EQ(hits(index), 1U);
  EXPECT_TRUE(keeper->has_knowledge(user_, echo_));
  const auto version = keeper->version(user_);
  const auto later = add_document("toaster");
  EXPECT_TRUE(wait_until([&] { return hits(index) == 2; }));
  EXPECT_TRUE(told_of(user_));
  EXPECT_NE(keeper->version(user_), version);
  remove_document(later.id);
  EXPECT_TRUE(wait_until([&] { return hits(index) == 1; }));
  EXPECT_EQ(keeper->version(user_), version);
  remove_document(before.id);
  EXPECT_TRUE(wait_until([&] { return !keeper->has_knowledge(user_, echo_); }));
}

TEST_F(IndexKeeperTest, ComparesEverythingWhenItsConnectionWasCut) {
  pipeline::VectorIndex index(index_options());
  const auto keeper = keep(&index);
  static constexpr Statement cut{"test_cut_listeners",
                                 "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ILIKE 'LISTEN%'"};
  ASSERT_TRUE(owner_.run([&](Transaction& t) { t.exec(cut); }));
  add_document("fridge");  // perhaps while nobody listens
  EXPECT_TRUE(wait_until([&] { return hits(index) == 1; }));
}

TEST_F(IndexKeeperTest, KeepsToTheClonesADocumentIsOf) {
  const auto other = make_clone(user_, false, "Bob");
  add_document("of-ada", echo_);
  pipeline::VectorIndex index(index_options());
  const auto keeper = keep(&index);
  EXPECT_TRUE(keeper->has_knowledge(user_, echo_));
  EXPECT_FALSE(keeper->has_knowledge(user_, other));
  EXPECT_TRUE(keeper->has_knowledge(user_, ""));
  EXPECT_FALSE(keeper->has_knowledge(make_user(), ""));
  EXPECT_EQ(hits(index, echo_), 1U);
  EXPECT_EQ(hits(index, other), 0U);
}

TEST_F(IndexKeeperTest, LeavesOutVectorsOfAnotherModel) {
  add_document("old", {}, "model/0");
  pipeline::VectorIndex index(index_options());
  const auto keeper = keep(&index);
  EXPECT_EQ(hits(index), 0U);
  EXPECT_TRUE(keeper->has_knowledge(user_, ""));  // by its words it is found
}

TEST_F(IndexKeeperTest, StartsFromItsFileAndMendsWhatIsStaleInIt) {
  persistence::test::TempDir dir;
  const auto file = dir.path() / "knowledge" / "vectors";
  const auto kept = add_document("fridge"), gone = add_document("toaster");
  {
    pipeline::VectorIndex index(index_options());
    keep(&index, {.file = file});
  }
  ASSERT_TRUE(std::filesystem::exists(file));
  remove_document(gone.id);
  add_document("kettle");
  pipeline::VectorIndex index(index_options());
  const auto keeper = keep(&index, {.file = file});
  EXPECT_EQ(hits(index), 2U);
  EXPECT_FALSE(index.has(gone.id));
}

TEST_F(IndexKeeperTest, MakesTheIndexAnewWhenItsFileIsDamaged) {
  persistence::test::TempDir dir;
  const auto file = dir.path() / "vectors";
  std::ofstream(file) << "no such thing";
  add_document("fridge");
  pipeline::VectorIndex index(index_options());
  const auto keeper = keep(&index, {.file = file});
  EXPECT_EQ(hits(index), 1U);
}

TEST_F(IndexKeeperTest, KnowsWhatThereIsWithoutVectorsToo) {
  add_document("fridge");
  const auto keeper = keep(nullptr);
  EXPECT_TRUE(keeper->has_knowledge(user_, echo_));
}

// ---- the words ----

class WordsTest : public IndexKeeperTest {
 protected:
  Result<KnowledgeSearch::Found> find(const std::vector<std::string>& words, KnowledgeSearch::Scope scope = {}) {
    scope.user_id = scope.user_id.empty() ? user_ : scope.user_id;
    return KnowledgeSearch(app_).by_words(scope, words, 10);
  }
};

TEST_F(WordsTest, FindsWhatHoldsARareWordFirst) {
  add_document("fridge");
  add_document("toaster");
  const auto found = find({"guarantees", "toaster"});
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_EQ(found->hits.size(), 2U);
  EXPECT_EQ(found->hits[0].filename, "toaster");
  EXPECT_GT(found->hits[0].score, found->hits[1].score);
  EXPECT_EQ(found->holders.at("guarantees"), 2U);  // by its stem
  EXPECT_EQ(found->holders.at("toaster"), 1U);
  EXPECT_EQ(found->passages, 2U);
}

TEST_F(WordsTest, SeesOnlyCompletedDocumentsOfTheUserAndTheScope) {
  const auto other = make_clone(user_, false, "Bob");
  add_document("common");
  add_document("of-ada", echo_);
  remove_document(add_document("removed").id);
  const auto count = [&](KnowledgeSearch::Scope scope) { return find({"guarantee"}, scope)->hits.size(); };
  EXPECT_EQ(count({}), 2U);
  EXPECT_EQ(count({.echo_id = echo_}), 2U);
  EXPECT_EQ(count({.echo_id = echo_, .with_common = false}), 1U);
  EXPECT_EQ(count({.echo_id = other}), 1U);
  EXPECT_EQ(count({.user_id = make_user()}), 0U);
}

TEST_F(WordsTest, TakesAnyTextForWords) {
  add_document("fridge");
  for (const std::string word : {"'", "\"", "&|!", "o'clock", "guarantee'; DROP TABLE users; --", "\\", "or", "-guarantee", "a:*", "né"})
    EXPECT_TRUE(find({word})) << word;
  EXPECT_TRUE(find({"guarantee"}, {.user_id = "not a uuid"})->hits.empty());
  EXPECT_TRUE(find({"guarantee"}, {.echo_id = "not a uuid"})->hits.empty());
  EXPECT_TRUE(find({})->hits.empty());
}

TEST_F(WordsTest, FetchesWhatIsStillThere) {
  const auto document = add_document("fridge"), removed = add_document("toaster");
  remove_document(removed.id);
  const auto hits = KnowledgeSearch(app_).fetch({.user_id = user_}, {{document.id, 0}, {document.id, 7}, {removed.id, 0}});
  ASSERT_TRUE(hits) << hits.error().message;
  ASSERT_EQ(hits->size(), 1U);
  EXPECT_EQ((*hits)[0].text, "The fridge has a guarantee of two years.");
  EXPECT_TRUE(KnowledgeSearch(app_).fetch({.user_id = make_user()}, {{document.id, 0}})->empty());
}

// ---- pgvector: the extension where the cluster's owner may make it; Debian 12 has none, so else a stand-in for type and operator ----

class PgVectorTest : public WordsTest {
 protected:
  PgVectorTest()
      : is_real_(scalar({"test_pgvector_available",
                         "SELECT EXISTS (SELECT 1 FROM pg_available_extension_versions WHERE name = 'vector' AND trusted)::text AS v"}) ==
                 "true") {
    EXPECT_FALSE(*PgVectorSearch::is_there(app_));
    if (is_real_) all({"CREATE EXTENSION vector"});
    else
      all({"CREATE DOMAIN vector AS real[]",
           "CREATE FUNCTION cosine_distance(a real[], b real[]) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$ SELECT 1 - sum(x * y) / "
           "(sqrt(sum(x * x)) * sqrt(sum(y * y))) FROM unnest(a, b) AS t(x, y) $$",
           "CREATE OPERATOR <=> (LEFTARG = real[], RIGHTARG = real[], FUNCTION = cosine_distance)"});
  }
  ~PgVectorTest() override {
    if (is_real_) all({"DROP EXTENSION vector"});
    else all({"DROP OPERATOR <=> (real[], real[])", "DROP FUNCTION cosine_distance", "DROP DOMAIN vector"});
  }
  void all(std::initializer_list<const char*> statements) {
    for (const char* sql : statements) EXPECT_TRUE(owner_.run([&](Transaction& t) { t.exec({sql, sql}); })) << sql;
  }
  const bool is_real_;
};

TEST_F(PgVectorTest, GivesTheNearestOfTheScope) {
  EXPECT_EQ(*PgVectorSearch::is_there(app_), is_real_);
  add_document("near", {}, "model/1", {1, 0.1F, 0, 0});
  add_document("far", {}, "model/1", {0, 1, 0, 0});
  add_document("of-ada", echo_, "model/1", {1, 0, 0, 0});
  add_document("others-model", {}, "model/0", {1, 0, 0, 0});
  PgVectorSearch search(app_, "vector", "model/1");
  const auto names = [&](KnowledgeSearchScope scope) {
    std::vector<std::string> out;
    const auto hits = search.nearest(scope, {1, 0, 0, 0}, 2);
    EXPECT_TRUE(hits) << hits.error().message;
    if (hits)
      for (const auto& hit : *hits) out.push_back(hit.filename);
    return out;
  };
  EXPECT_EQ(names({.user_id = user_}), (std::vector<std::string>{"of-ada", "near"}));
  EXPECT_EQ(names({.user_id = user_, .echo_id = make_clone(user_, false, "Bob")}), (std::vector<std::string>{"near", "far"}));
  EXPECT_TRUE(names({.user_id = make_user()}).empty());
}

}  // namespace
}  // namespace repartee::knowledge
