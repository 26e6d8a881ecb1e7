// Documents over HTTP: what goes in, what is refused, and that nobody reaches another's.
#include "commands/knowledge_ingest.hpp"
#include "persistence/knowledge_rows.hpp"
#include "tests/api/live_api.hpp"

namespace repartee::test {
namespace {

constexpr const char* path = "/api/v1/knowledge";

class Knowledge : public LiveApi {
 protected:
  Knowledge() {
    auto opened = cache::DirectoryBlobStore::open({.root = blobs_dir_.path() / "blobs"}, metrics_);
    EXPECT_TRUE(opened);
    blobs_ = std::move(*opened);
    backend->uploads = {.blobs = blobs_.get(), .document_bytes_max = 100'000};
  }
  static std::string form(const std::string& content, const std::string& disposition, const std::string& more = "") {
    return more + "--XX\r\nContent-Disposition: form-data; name=\"file\"; " + disposition + "\r\nContent-Type: text/plain\r\n\r\n" +
           content + "\r\n--XX--\r\n";
  }
  static std::string field(const std::string& name, const std::string& value) {
    return "--XX\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n";
  }
  Json send(const std::string& body, const Person& as, int status) {
    return ask_json({"POST", path, as.key, body, "multipart/form-data; boundary=XX"}, status);
  }
  Json upload(const std::string& content, const std::string& filename, const Person& as, int status = 202, const std::string& echo = "") {
    return send(form(content, "filename=\"" + filename + "\"", echo.empty() ? "" : field("echo_id", echo)), as, status);
  }
  std::string uploaded(const std::string& content, const std::string& filename = "notes.txt") {
    return upload(content, filename, ann).at("document").at("id");
  }
  std::string one(const std::string& id) { return std::string(path) + "/" + id; }
  std::size_t files() {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(blobs_dir_.path())) count += entry.is_regular_file();
    return count;
  }

  persistence::test::TempDir blobs_dir_;
  std::unique_ptr<cache::DirectoryBlobStore> blobs_;
};

TEST_F(Knowledge, StoresAFileAndSaysHowFarItIs) {
  const auto document = upload("Hello, world.", "../hello.txt", ann, 202, echo_).at("document");
  EXPECT_EQ(document.at("filename"), "hello.txt");
  EXPECT_EQ(document.at("content_type"), "text/plain");
  EXPECT_EQ(document.at("size_bytes"), 13);
  EXPECT_EQ(document.at("echo_id"), echo_);
  EXPECT_EQ(document.at("progress").at("stage"), "waiting");
  EXPECT_EQ(get(one(document.at("id")), ann).at("document"), document);
  EXPECT_EQ(get("/api/knowledge", ann).at("documents").at(0), document);
  EXPECT_EQ(files(), 1u);
  EXPECT_EQ(actions().at(0), "document.upload 202");
}

TEST_F(Knowledge, ReadsItToTheEnd) {
  const auto id = uploaded("# Guide\n\nThe lighthouse opens at nine.", "guide.md");
  EXPECT_EQ(code_of(get(one(id) + "/text", ann, 409)), "conflict");
  commands::KnowledgeIngest ingest(owner_, *blobs_, nullptr, {}, metrics_);
  persistence::JobWorker worker(owner_, {.poll = Millis(20)}, metrics_);
  ingest.add_to(worker);
  worker.start();
  ASSERT_TRUE(persistence::test::wait_until([&] { return get(one(id), ann).at("document").at("status") == "completed"; }));
  const auto document = get(one(id), ann).at("document");
  EXPECT_EQ(document.at("progress"), (Json{{"stage", "done"}, {"done", 1}}));
  EXPECT_EQ(document.at("chunk_count"), 1);
  EXPECT_TRUE(document.at("embedder").is_null());
  const auto text = ask({"GET", one(id) + "/text", ann.key});
  EXPECT_EQ(text.body, "# Guide\n\nThe lighthouse opens at nine.");
  EXPECT_EQ(text.headers.at("X-Content-Type-Options"), "nosniff");
}

TEST_F(Knowledge, AnswersTheSameFileWithTheDocumentThatIsThere) {
  const auto id = uploaded("The same.");
  EXPECT_EQ(upload("The same.", "other.txt", ann).at("document").at("id"), id);
  EXPECT_EQ(files(), 1u) << "not stored twice";
  ASSERT_TRUE(persistence::KnowledgeRows(owner_).complete({id, ann.user_id}, ""));
  EXPECT_EQ(upload("The same.", "other.txt", ann, 200).at("document").at("id"), id);
  EXPECT_NE(upload("The same.", "notes.txt", bob).at("document").at("id"), id);
}

TEST_F(Knowledge, RefusesWhatItCannotRead) {
  EXPECT_EQ(param_of(upload("", "a.txt", ann, 400)), "file");
  EXPECT_EQ(param_of(upload("text", "a.pdf", ann, 400)), "file");
  EXPECT_EQ(param_of(upload("x", "a.exe", ann, 400)), "file");
  EXPECT_EQ(param_of(upload("%PDF-1.4", "a.docx", ann, 400)), "file");
  EXPECT_EQ(param_of(upload(std::string(100'001, 'x'), "a.txt", ann, 413)), "file");
  EXPECT_EQ(param_of(upload("x", "a.txt", ann, 400, "no uuid")), "echo_id");
  EXPECT_EQ(param_of(upload("x", "a.txt", bob, 404, echo_)), "echo_id") << "another's clone";
  EXPECT_EQ(param_of(send(field("echo_id", echo_) + "--XX--", ann, 400)), "file");
  EXPECT_EQ(param_of(send(field("file", "no name") + "--XX--", ann, 400)), "file");
  EXPECT_EQ(param_of(send(field("titel", "x") + form("x", "filename=a.txt"), ann, 400)), "titel");
  send("nonsense", ann, 400);
  EXPECT_EQ(ask({"POST", path, ann.key, "{}"}).status, 415);
  EXPECT_EQ(ask({"POST", path, ann.key, ""}).status, 400);
  EXPECT_EQ(files(), 0u) << "nothing of it is kept";
  EXPECT_EQ(get(path, ann).at("count"), 0);
}

TEST_F(Knowledge, KeepsHostileFileNamesHarmless) {
  const std::pair<std::string, std::string> names[] = {{"filename=\"..\\\\..\\\\windows\\\\x.txt\"", "x.txt"},
                                                       {"filename=\"a%0D%0Ab%22.txt\"", "ab.txt"},
                                                       {"filename*=UTF-8''%2e%2e%2f%E2%82%AC.txt", "€.txt"},
                                                       {"filename=\"'; DROP TABLE users; --.txt\"", "'; DROP TABLE users; --.txt"}};
  int n = 0;
  for (const auto& [said, kept] : names)
    EXPECT_EQ(send(form("text " + std::to_string(++n), said), ann, 202).at("document").at("filename"), kept);
}

TEST_F(Knowledge, ListsByCloneAndStatusInPages) {
  for (int i = 0; i < 3; ++i) uploaded("Text " + std::to_string(i));
  upload("Of the clone.", "a.txt", ann, 202, echo_);
  const std::string list = path;
  EXPECT_EQ(get(list + "?echo_id=" + echo_, ann).at("count"), 1);
  EXPECT_EQ(get(list + "?status=completed", ann).at("count"), 0);
  const auto first = get(list + "?limit=3", ann);
  EXPECT_EQ(first.at("count"), 3);
  EXPECT_EQ(get(list + "?limit=3&cursor=" + percent_encoded(first.at("next_cursor")), ann).at("count"), 1);
  get(list + "?status=ready", ann, 400);
  get(list + "?echo_id=x", ann, 400);
}

TEST_F(Knowledge, RemovesAndRestores) {
  const auto id = uploaded("Comes and goes.");
  remove(one(id), ann);
  get(one(id), ann, 404);
  EXPECT_EQ(get(std::string(path) + "?deleted=true", ann).at("count"), 1);
  EXPECT_EQ(post(one(id) + "/restore", ann, nullptr, 200).at("document").at("id"), id);
  post(one(id) + "/restore", ann, nullptr, 404);
  remove(one(id), ann);
  uploaded("Comes and goes.");
  EXPECT_EQ(code_of(post(one(id) + "/restore", ann, nullptr, 409)), "conflict");
}

TEST_F(Knowledge, ShowsNobodyAnothersDocuments) {
  const auto id = uploaded("Ann's.");
  for (const auto& other : {bob, nobody}) {
    get(one(id), other, 404);
    get(one(id) + "/text", other, 404);
    remove(one(id), other, 404);
    post(one(id) + "/restore", other, nullptr, 404);
  }
  EXPECT_EQ(get(path, bob).at("count"), 0);
  EXPECT_EQ(get(one(id), ann).at("document").at("id"), id);
}

// ---- who is let through before the body is read ----

struct Tiers final : auth::Allowances {
  auth::TierLimits limits_of(const auth::Caller&) const override { return {.upload_bytes_max = 1500, .storage_bytes_max = 1000}; }
  void may_converse(Loop&, const auth::Caller&, Done done) override { done({}); }
  void may_upload(Loop&, const auth::Caller& caller, std::int64_t bytes, Done done) override {
    done(auth::room_for_upload(limits_of(caller), {}, bytes));
  }
};

TEST_F(Knowledge, KeepsToTheTiersLimits) {
  Tiers tiers;
  backend->allowances = &tiers;
  EXPECT_EQ(code_of(upload(std::string(1500, 'x'), "a.txt", ann, 429)), "resource_exhausted");
  uploaded(std::string(600, 'x'));
  EXPECT_EQ(code_of(upload(std::string(600, 'y'), "b.txt", ann, 429)), "resource_exhausted") << "together more than the storage";
  EXPECT_EQ(files(), 1u);
  backend->allowances = nullptr;
}

TEST_F(Knowledge, AsksForAKeyBeforeALargeBodyIsRead) {
  const auto judged = [&](const std::string& key, const std::string& target = path, const std::string& method = "POST") {
    transport::Request head{.method = method, .target = target, .path = target};
    head.headers = {{"host", "localhost:8080"}};
    if (!key.empty()) head.headers["authorization"] = "Bearer " + key;
    std::optional<std::optional<transport::Response>> answer;
    router->judge_head(loop, head, [&](std::optional<transport::Response> refusal) { answer = std::move(refusal); });
    EXPECT_TRUE(answer);
    return answer && *answer ? (*answer)->status : 0;
  };
  EXPECT_EQ(judged(ann.key), 0);
  EXPECT_EQ(judged(ann.key, "/api/knowledge"), 0);
  EXPECT_EQ(judged(""), 0) << "this server lets callers without a key in";
  EXPECT_EQ(judged("wrong", "/api/knowledge"), 401);
  EXPECT_EQ(judged("wrong", "/nothing"), 0) << "that there is nothing is the router's to say";
}

}  // namespace
}  // namespace repartee::test
