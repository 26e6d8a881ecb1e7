// Documents in a real database and a real blob directory, and the worker that reads them.
#pragma once
#include "commands/knowledge_ingest.hpp"
#include "persistence/digest.hpp"
#include "persistence/knowledge_store.hpp"
#include "tests/persistence/cluster_fixture.hpp"
#include "tests/support/documents/make.hpp"
#include "tests/support/fake_embedder.hpp"

namespace repartee::persistence::test {

inline commands::KnowledgeIngest::Options ingest_options() {
  commands::KnowledgeIngest::Options options;
  options.extraction.program = REPARTEE_EXTRACTION_CHILD;
  options.batch_time_max = std::chrono::seconds(5);
  return options;
}

inline JobWorker::Options quick_jobs() {
  JobWorker::Options options;
  options.lease = Millis(600);
  options.poll = Millis(50);
  options.backoff_min = Millis(10);
  options.backoff_max = Millis(50);
  return options;
}

class KnowledgeTest : public StoreTest {
 protected:
  KnowledgeTest() {
    auto opened = cache::DirectoryBlobStore::open({.root = dir_.path() / "blobs"}, metrics_);
    EXPECT_TRUE(opened);
    blobs_ = std::move(*opened);
  }

  Result<KnowledgeStore::Added> upload(const std::string& content, const std::string& filename, const std::string& as,
                                       std::optional<std::string> echo = std::nullopt, std::int64_t storage_max = 0) {
    const auto blob = blobs_->stage("document", content);
    EXPECT_TRUE(blob);
    return KnowledgeStore(app_).add({.echo_id = std::move(echo),
                                     .filename = filename,
                                     .content_type = "text/plain",
                                     .checksum = sha256_hex(content),
                                     .blob_key = blob->key,
                                     .size_bytes = static_cast<std::int64_t>(content.size())},
                                    as, storage_max);
  }
  std::string uploaded(const std::string& content, const std::string& filename = "notes.txt") {
    const auto added = upload(content, filename, user_);
    EXPECT_TRUE(added) << added.error().message;
    return added ? added->document.id : "";
  }
  KnowledgeSummary look(const std::string& id) {
    auto found = KnowledgeStore(app_).find(id, user_);
    return found ? *found : KnowledgeSummary{};
  }
  bool comes_to(const std::string& id, const std::string& status) {
    return wait_until([&] { return look(id).status == status; }, std::chrono::seconds(30));
  }
  std::vector<KnowledgeChunk> chunks_of(const std::string& id) {
    auto page = KnowledgeChunkRepository(app_).find_many(Filter<KnowledgeChunk>().where<&KnowledgeChunk::document_id>(id), user_,
                                                         Order<KnowledgeChunk>::by<&KnowledgeChunk::ordinal>(false), "", 200);
    EXPECT_TRUE(page);
    return page ? page->rows : std::vector<KnowledgeChunk>{};
  }

  // A server's part in it, until the object goes. Kinds are shared by all tests of the cluster, as jobs are by nodes.
  struct Reader {
    Reader(KnowledgeTest& test, pipeline::Embedder* embedder, commands::KnowledgeIngest::Options options = ingest_options())
        : ingest(test.owner_, *test.blobs_, embedder, std::move(options), test.metrics_), worker(test.owner_, quick_jobs(), test.metrics_) {
      ingest.add_to(worker);
      worker.start();
    }
    commands::KnowledgeIngest ingest;
    JobWorker worker;
  };

  TempDir dir_;
  std::unique_ptr<cache::DirectoryBlobStore> blobs_;
  repartee::test::FakeEmbedder embedder_;
};

// Enough sentences for some chunks.
inline std::string long_text(int sentences, const std::string& about = "lighthouses") {
  std::string text;
  for (int i = 1; i <= sentences; ++i) text += "Sentence number " + std::to_string(i) + " says something about " + about + " and the sea. ";
  return text;
}

}  // namespace repartee::persistence::test
