#include "tests/knowledge/fixture.hpp"

#include "persistence/notification_listener.hpp"

namespace repartee::persistence::test {
namespace {

constexpr Statement usage_of{"test_usage", "SELECT coalesce(sum(quantity), 0) AS v FROM usage_metrics WHERE user_id = $1 AND action = $2"};
constexpr Statement jobs_for{"test_jobs",
                             "SELECT count(*) AS v FROM jobs WHERE kind = 'knowledge.ingest' AND payload->>'document_id' = $1"};
constexpr Statement set_status{"test_set_status", "UPDATE knowledge_documents SET status = $2 WHERE id = $1 RETURNING status AS v"};

class KnowledgeStoreTest : public KnowledgeTest {};

TEST_F(KnowledgeStoreTest, AddsADocumentWithItsJobAndItsUsage) {
  const auto added = upload("Hello, world.", "hello.txt", user_, echo_);
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_TRUE(added->is_new);
  EXPECT_EQ(added->document.status, "pending");
  EXPECT_STREQ(progress_of(added->document).stage, "waiting");
  EXPECT_EQ(added->document.echo_id, echo_);
  EXPECT_EQ(scalar(jobs_for, Params(added->document.id)), "1");
  EXPECT_EQ(scalar(usage_of, Params(user_, "upload.count")), "1");
  EXPECT_EQ(scalar(usage_of, Params(user_, "upload.bytes")), "13");
  const auto user = UserRepository(app_).find_by_id(user_, user_);
  EXPECT_EQ(user->total_uploads, 1);
  EXPECT_EQ(user->storage_used_bytes, 13);
}

TEST_F(KnowledgeStoreTest, AnswersTheSameFileWithTheDocumentThatIsThere) {
  const auto first = upload("Twice.", "a.txt", user_), second = upload("Twice.", "b.txt", user_);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(second->document.id, first->document.id);
  EXPECT_FALSE(second->is_new);
  EXPECT_EQ(scalar(jobs_for, Params(first->document.id)), "1");
  EXPECT_EQ(scalar(usage_of, Params(user_, "upload.count")), "1") << "nothing was taken of the allowance";
  EXPECT_TRUE(upload("Twice.", "a.txt", user_, echo_)->is_new) << "of one clone only, it is another document";
  EXPECT_TRUE(upload("Twice.", "a.txt", make_user())->is_new);
}

TEST_F(KnowledgeStoreTest, ReadsAFailedFileAnewWhenItComesAgain) {
  const auto id = uploaded("Fails.");
  scalar(set_status, Params(id, "failed"));
  const auto again = upload("Fails.", "a.txt", user_);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->document.id, id);
  EXPECT_EQ(again->document.status, "pending");
  EXPECT_EQ(scalar(jobs_for, Params(id)), "2");
}

TEST_F(KnowledgeStoreTest, RefusesAnothersCloneAndAFullStorage) {
  const auto other = make_user();
  EXPECT_EQ(upload("x1", "a.txt", other, echo_).error().code, Errc::not_found);
  EXPECT_EQ(upload("x1", "a.txt", user_, new_uuid()).error().code, Errc::not_found);
  EXPECT_EQ(upload("0123456789", "a.txt", user_, {}, 9).error().code, Errc::resource_exhausted);
  EXPECT_TRUE(upload("0123456789", "a.txt", user_, {}, 10));
  EXPECT_EQ(upload("x", "a.txt", user_, {}, 10).error().code, Errc::resource_exhausted);
}

TEST_F(KnowledgeStoreTest, ListsTheNewestFirstByCloneAndStatus) {
  const auto a = uploaded("A."), b = upload("B.", "b.txt", user_, echo_)->document.id, c = uploaded("C.");
  scalar(set_status, Params(c, "failed"));
  const auto ids = [&](KnowledgeStore::Wish wish, const std::string& as = {}) {
    std::vector<std::string> all;
    const auto page = KnowledgeStore(app_).list(wish, as.empty() ? user_ : as);
    for (const auto& row : page->rows) all.push_back(row.id);
    return all;
  };
  using Ids = std::vector<std::string>;
  EXPECT_EQ(ids({}), (Ids{c, b, a}));
  EXPECT_EQ(ids({.echo_id = echo_}), (Ids{b}));
  EXPECT_EQ(ids({.status = "failed"}), (Ids{c}));
  EXPECT_EQ(ids({}, make_user()), Ids{});
  const auto first = KnowledgeStore(app_).list({.limit = 2}, user_);
  EXPECT_EQ(ids({.cursor = first->next_cursor, .limit = 2}), (Ids{a}));
  ASSERT_TRUE(KnowledgeStore(app_).remove(b, user_));
  EXPECT_EQ(ids({}), (Ids{c, a}));
  EXPECT_EQ(ids({.deleted = true}), (Ids{b}));
}

TEST_F(KnowledgeStoreTest, RemovesAndRestoresAndReadsWhatWasNotRead) {
  KnowledgeStore store(app_);
  const auto id = uploaded("Removed.");
  const auto other = make_user();
  EXPECT_EQ(store.remove(id, other).error().code, Errc::not_found);
  ASSERT_TRUE(store.remove(id, user_));
  EXPECT_EQ(store.find(id, user_).error().code, Errc::not_found);
  EXPECT_EQ(store.restore(id, other).error().code, Errc::not_found);
  const auto again = uploaded("Removed.");
  EXPECT_NE(again, id);
  EXPECT_EQ(store.restore(id, user_).error().code, Errc::conflict) << "it is there already";
  ASSERT_TRUE(store.remove(again, user_));
  ASSERT_TRUE(store.restore(id, user_));
  EXPECT_EQ(look(id).status, "pending");
  EXPECT_EQ(scalar(jobs_for, Params(id)), "2");
}

TEST_F(KnowledgeStoreTest, ShowsHowFarADocumentIs) {
  const KnowledgeSummary base{.chunk_count = 0, .status = "processing"};
  auto extracting = base, chunking = base, embedding = base;
  chunking.has_text = embedding.has_text = true;
  embedding.chunk_count = 10;
  embedding.chunks_waiting = 5;
  EXPECT_STREQ(progress_of(extracting).stage, "extracting");
  EXPECT_STREQ(progress_of(chunking).stage, "chunking");
  EXPECT_STREQ(progress_of(embedding).stage, "embedding");
  EXPECT_GT(progress_of(embedding).done, 0.5);
  EXPECT_LT(progress_of(embedding).done, 0.6);
}

// ---- who is told ----

class KnowledgeToldTest : public KnowledgeTest {
 protected:
  KnowledgeToldTest()
      : listener_(cluster_.targets().owner, {.channels = {"repartee_knowledge", "repartee_cache"}},
                  {.on_notification =
                       [this](std::string_view channel, std::string_view payload) {
                         std::lock_guard lock(mutex_);
                         heard_.push_back(std::string(channel == "repartee_cache" ? "cache" : "document") + " " + std::string(payload));
                       },
                   .on_listening = [](bool) {}},
                  metrics_) {
    EXPECT_TRUE(wait_until([&] { return listener_.listening(); }));
  }
  // What was heard since the last time, of this document and user.
  std::vector<std::string> heard(const std::string& id) {
    const auto mark = new_uuid();
    scalar({"test_mark", "SELECT pg_notify('repartee_knowledge', $1)::text AS v"}, Params(mark));
    std::vector<std::string> ours;
    EXPECT_TRUE(wait_until([&] {
      std::lock_guard lock(mutex_);
      return std::find(heard_.begin(), heard_.end(), "document " + mark) != heard_.end();
    }));
    std::lock_guard lock(mutex_);
    for (const auto& one : heard_) {
      if (one == "document " + id) ours.emplace_back("document");
      if (one == "cache - search:" + user_ + ":") ours.emplace_back("searches");
      if (one == "cache - llm:" + user_ + ":") ours.emplace_back("answers");
    }
    heard_.clear();
    std::sort(ours.begin(), ours.end());
    ours.erase(std::unique(ours.begin(), ours.end()), ours.end());
    return ours;
  }

  std::mutex mutex_;
  std::vector<std::string> heard_;
  NotificationListener listener_;
};

TEST_F(KnowledgeToldTest, TellsOfEveryChangeOfWhatIsSearched) {
  using Told = std::vector<std::string>;
  const Told everybody{"answers", "document", "searches"};
  KnowledgeStore store(app_);
  KnowledgeRows rows(owner_);
  const auto id = uploaded("Told.");
  const KnowledgeRows::Place place{id, user_};
  ASSERT_TRUE(rows.begin(place));
  ASSERT_TRUE(rows.put_text(place, "Told."));
  ASSERT_TRUE(rows.put_chunks(place, {{"Told.", 2}}));
  EXPECT_EQ(heard(id), Told{}) << "it is not searched yet";
  ASSERT_TRUE(rows.complete(place, ""));
  EXPECT_EQ(heard(id), everybody);
  ASSERT_TRUE(rows.begin_embeddings(place, "fake/1"));
  EXPECT_EQ(heard(id), everybody);
  ASSERT_TRUE(rows.put_embeddings(place, {{rows.waiting(place, 1)->at(0).id, {1, 0}}}));
  EXPECT_EQ(heard(id), everybody);
  ASSERT_TRUE(store.remove(id, user_));
  EXPECT_EQ(heard(id), everybody);
  ASSERT_TRUE(store.restore(id, user_));
  EXPECT_EQ(heard(id), everybody);
  ASSERT_TRUE(KnowledgeDocumentRepository(app_).hard_delete(id, user_));
  EXPECT_EQ(heard(id), everybody);
}

TEST_F(KnowledgeToldTest, DropsWhatWasCachedOfTheOwnersSearchesAndNobodyElses) {
  constexpr Statement put{
      "test_cache_put",
      "INSERT INTO vector_search_cache (key, user_id, value, expires_at) VALUES ('search:' || $1 || ':x', $1::uuid, 'v', now() + interval "
      "'1 hour') RETURNING key AS v"};
  constexpr Statement count{"test_cache_count", "SELECT count(*) AS v FROM vector_search_cache WHERE user_id = $1::uuid"};
  const auto other = make_user();
  scalar(put, Params(user_));
  scalar(put, Params(other));
  const auto id = uploaded("Cached.");
  ASSERT_TRUE(KnowledgeRows(owner_).complete({id, user_}, ""));
  EXPECT_EQ(scalar(count, Params(user_)), "0");
  EXPECT_EQ(scalar(count, Params(other)), "1");
}

}  // namespace
}  // namespace repartee::persistence::test
