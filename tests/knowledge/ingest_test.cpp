#include <signal.h>
#include <unistd.h>

#include <iostream>

#include "persistence/subprocess.hpp"
#include "tests/knowledge/fixture.hpp"

namespace repartee::persistence::test {
namespace {

class KnowledgeIngestTest : public KnowledgeTest {};

TEST_F(KnowledgeIngestTest, ReadsAFileIntoChunksWithEmbeddings) {
  const auto id = uploaded("# Guide\n\n" + long_text(140), "guide.md");
  Reader reader(*this, &embedder_);
  ASSERT_TRUE(comes_to(id, "completed")) << look(id).error;
  const auto document = look(id);
  const auto chunks = chunks_of(id);
  EXPECT_EQ(document.vector_ids, std::vector<std::string>{"fake/1"});
  EXPECT_EQ(document.error, "");
  EXPECT_STREQ(progress_of(document).stage, "done");
  EXPECT_EQ(static_cast<int>(chunks.size()), document.chunk_count);
  ASSERT_GT(chunks.size(), 8u) << "more than a batch";
  for (const auto& chunk : chunks) {
    EXPECT_TRUE(chunk.text.starts_with("Guide\n")) << chunk.text;
    EXPECT_GT(chunk.token_count, 0);
    ASSERT_TRUE(chunk.embedding);
    EXPECT_EQ(*chunk.embedding, embedder_.vector_of(chunk.text));
  }
  EXPECT_TRUE(KnowledgeStore(app_).text(id, user_)->starts_with("# Guide\n\nSentence number 1 "));
}

TEST_F(KnowledgeIngestTest, ReadsWordAndPdfFilesInAChild) {
  const auto docx = uploaded(repartee::test::make_docx(repartee::test::docx_paragraph("In Word.")), "a.docx");
  const auto pdf = uploaded(repartee::test::make_pdf({{"In a PDF."}}), "a.pdf");
  Reader reader(*this, &embedder_);
  ASSERT_TRUE(comes_to(docx, "completed") && comes_to(pdf, "completed")) << look(docx).error << look(pdf).error;
  EXPECT_EQ(chunks_of(docx).at(0).text, "In Word.");
  EXPECT_EQ(chunks_of(pdf).at(0).text, "In a PDF.");
}

TEST_F(KnowledgeIngestTest, WorksWithoutAnEmbedderByWordsAlone) {
  const auto id = uploaded("The lighthouse keeper feeds the gulls.");
  Reader reader(*this, nullptr);
  ASSERT_TRUE(comes_to(id, "completed"));
  EXPECT_EQ(look(id).vector_ids, std::vector<std::string>{});
  EXPECT_FALSE(chunks_of(id).at(0).embedding);
  EXPECT_EQ(
      scalar({"test_words",
              "SELECT count(*) AS v FROM knowledge_chunks WHERE document_id = $1 AND tsv @@ websearch_to_tsquery('english', 'gulls')"},
             Params(id)),
      "1");
}

TEST_F(KnowledgeIngestTest, SaysInWordsWhyAFileCannotBeRead) {
  const std::pair<std::string, std::string> files[] = {{"encrypted.pdf", repartee::test::support_document("encrypted.pdf")},
                                                       {"broken.pdf", "%PDF-1.4 broken"},
                                                       {"crash.html", "<!-- test: crash -->"},
                                                       {"bomb.docx", repartee::test::make_docx("", {{"x", std::string(30'000'000, '\0')}})},
                                                       {"one.txt", "."},
                                                       {"wrong.docx", "text"}};
  Reader reader(*this, &embedder_);
  for (const auto& [name, content] : files) {
    const auto id = uploaded(content, name);
    ASSERT_TRUE(comes_to(id, "failed")) << name;
    const auto error = look(id).error;
    EXPECT_TRUE(error.ends_with('.') && error.size() > 20) << name << ": " << error;
    EXPECT_EQ(chunks_of(id).size(), 0u);
  }
}

TEST_F(KnowledgeIngestTest, SaysThatTheFileIsGone) {
  const auto id = uploaded("Soon gone.");
  ASSERT_TRUE(blobs_->remove(look(id).blob_key));
  Reader reader(*this, &embedder_);
  ASSERT_TRUE(comes_to(id, "failed"));
  EXPECT_NE(look(id).error.find("upload it again"), std::string::npos);
}

TEST_F(KnowledgeIngestTest, LeavesARemovedDocumentAlone) {
  const auto id = uploaded("Removed before it was read.");
  ASSERT_TRUE(KnowledgeStore(app_).remove(id, user_));
  const auto next = uploaded("The next one.");
  Reader reader(*this, &embedder_);
  ASSERT_TRUE(comes_to(next, "completed"));
  ASSERT_TRUE(KnowledgeStore(app_).restore(id, user_));
  ASSERT_TRUE(comes_to(id, "completed")) << "and reads it once it is back";
}

TEST_F(KnowledgeIngestTest, TriesAgainWhenTheEmbedderFailsAndThenGoesByWords) {
  embedder_.failing = true;
  const auto id = uploaded("The embedder is away.");
  Reader reader(*this, &embedder_);
  ASSERT_TRUE(comes_to(id, "completed"));
  EXPECT_NE(look(id).error.find("words only"), std::string::npos);
  EXPECT_FALSE(chunks_of(id).at(0).embedding);
  embedder_.failing = false;
  ASSERT_TRUE(reader.ingest.ask_for_reembedding());
  ASSERT_TRUE(wait_until([&] { return chunks_of(id).at(0).embedding.has_value(); }));
  ASSERT_TRUE(wait_until([&] { return look(id).error.empty(); })) << "and says so no longer";
}

TEST_F(KnowledgeIngestTest, EmbedsAnewForAnotherEmbedder) {
  const auto a = uploaded(long_text(60)), b = uploaded("Short.");
  {
    Reader reader(*this, &embedder_);
    ASSERT_TRUE(comes_to(a, "completed") && comes_to(b, "completed"));
  }
  repartee::test::FakeEmbedder other("fake/2", 6);
  auto options = ingest_options();
  options.slice_time = Millis(1);  // hardly a document: each slice asks for the next
  Reader reader(*this, &other, options);
  ASSERT_TRUE(reader.ingest.ask_for_reembedding());
  for (const auto& id : {a, b}) {
    ASSERT_TRUE(wait_until([&] { return look(id).vector_ids == std::vector<std::string>{"fake/2"}; }));
    ASSERT_TRUE(wait_until([&] {
      const auto chunks = chunks_of(id);
      return std::all_of(chunks.begin(), chunks.end(),
                         [&](const auto& chunk) { return chunk.embedding && *chunk.embedding == other.vector_of(chunk.text); });
    }));
  }
}

TEST_F(KnowledgeIngestTest, MarksDocumentsThatNobodyReadsAnyMore) {
  const auto id = uploaded("Abandoned.");
  scalar({"test_abandon",
          "WITH gone AS (DELETE FROM jobs WHERE payload->>'document_id' = $1) UPDATE knowledge_documents SET status = 'processing' WHERE "
          "id = $1::uuid RETURNING status AS v"},
         Params(id));
  ASSERT_EQ(*KnowledgeRows(owner_).fail_abandoned("x", std::chrono::minutes(1)), 0u) << "not at once: its job may be on its way";
  auto options = ingest_options();
  options.abandoned_after = Millis(1);
  Reader reader(*this, nullptr, options);
  ASSERT_TRUE(reader.ingest.ask_for_reembedding());
  ASSERT_TRUE(comes_to(id, "failed"));
}

// ---- kill -9 ----

// The other process: embeds some chunks, then hangs. Standard input says where database and blobs are.
TEST(KnowledgeChild, DISABLED_EmbedsSomeChunksAndHangs) {
  std::string conninfo, root;
  std::getline(std::cin, conninfo);
  std::getline(std::cin, root);
  Metrics metrics;
  Database owner({.conninfo = conninfo, .set_role = ""}, {}, metrics);
  auto blobs = cache::DirectoryBlobStore::open({.root = root}, metrics);
  ASSERT_TRUE(blobs);
  repartee::test::FakeEmbedder embedder;
  embedder.texts_left = 10;
  auto options = ingest_options();
  options.batch_chunks = 4;
  options.batch_time_max = std::chrono::hours(1);
  commands::KnowledgeIngest ingest(owner, **blobs, &embedder, options, metrics);
  JobWorker worker(owner, quick_jobs(), metrics);
  ingest.add_to(worker);
  worker.start();
  for (;;) pause();
}

TEST_F(KnowledgeIngestTest, GoesOnWhereAKilledWorkerWas) {
  const auto id = uploaded(long_text(150));
  Identity self;
  self.uid = getuid();
  self.gid = getgid();
  SpawnRequest request;
  request.arguments = {"/proc/self/exe", "--gtest_also_run_disabled_tests",
                       "--gtest_filter=KnowledgeChild.DISABLED_EmbedsSomeChunksAndHangs"};
  request.input = cluster_.targets().owner.conninfo + "\n" + (dir_.path() / "blobs").string() + "\n";
  request.signal_on_parent_death = SIGKILL;
  const auto child = spawn(request, self);
  ASSERT_TRUE(child) << child.error().message;
  const auto embedded = [&] {
    const auto chunks = chunks_of(id);
    return std::count_if(chunks.begin(), chunks.end(), [](const auto& chunk) { return chunk.embedding.has_value(); });
  };
  const bool part_done = wait_until([&] { return embedded() == 8; });
  kill(*child, SIGKILL);
  ASSERT_TRUE(wait_exit(*child, std::chrono::seconds(10)));
  ASSERT_TRUE(part_done);
  EXPECT_STREQ(progress_of(look(id)).stage, "embedding");
  const auto before = chunks_of(id);
  Reader reader(*this, &embedder_);
  ASSERT_TRUE(comes_to(id, "completed")) << look(id).error;
  const auto after = chunks_of(id);
  ASSERT_EQ(after.size(), before.size());
  for (std::size_t i = 0; i < after.size(); ++i) {
    EXPECT_EQ(after[i].id, before[i].id) << "not cut again";
    EXPECT_TRUE(after[i].embedding);
  }
  EXPECT_EQ(embedder_.texts_seen, static_cast<int>(after.size()) - 8) << "what was embedded is not embedded again";
}

}  // namespace
}  // namespace repartee::persistence::test
