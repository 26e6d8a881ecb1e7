#include "tests/answers/answer_lab.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <future>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "persistence/digest.hpp"
#include "persistence/repositories/knowledge.hpp"
#include "pipeline/documents/chunker.hpp"
#include "pipeline/documents/extract.hpp"
#include "pipeline/providers/local_answer.hpp"
#include "pipeline/text_rules.hpp"
#include "tests/persistence/cluster_fixture.hpp"
#include "tests/support/map_phrase_cache.hpp"

namespace repartee::test {

namespace fs = std::filesystem;
using namespace pipeline;

namespace {

std::string whole(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(file), {}};
}

template <class T>
T value_of(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(result).value();
}

std::vector<LabelledQuestion> read_questions(const fs::path& path) {
  std::vector<LabelledQuestion> questions;
  for (const auto& entry : nlohmann::json::parse(whole(path)))
    questions.push_back({entry["question"], entry["kind"], entry["document"], entry["split"],
                         entry["expect"].get<std::vector<std::vector<std::string>>>()});
  return questions;
}

// One of the expected answers, all of its parts.
bool holds_answer(const LabelledQuestion& question, const std::string& text) {
  const std::string lower = to_lower(text);
  return std::any_of(question.expect.begin(), question.expect.end(), [&](const auto& parts) {
    return std::all_of(parts.begin(), parts.end(),
                       [&](const std::string& part) { return lower.find(to_lower(part)) != std::string::npos; });
  });
}

}  // namespace

void AnswerFigures::add(const AnswerFigures& other) {
  for (auto member : {&AnswerFigures::answerable, &AnswerFigures::found, &AnswerFigures::answered_right, &AnswerFigures::answered_wrong,
                      &AnswerFigures::not_answered, &AnswerFigures::unanswerable, &AnswerFigures::wrongly_answered})
    this->*member += other.*member;
}

AnswerLab::AnswerLab() : questions_(read_questions(REPARTEE_ANSWERS_DIR "/questions.json")), memory_(std::make_unique<MapPhraseCache>()) {
  auto& cluster = persistence::test::SharedCluster::get();
  app_ = std::make_unique<persistence::Database>(cluster.targets().app, persistence::Database::Options{.name = "lab"}, cluster.metrics());
  persistence::Database owner(cluster.targets().owner, persistence::Database::Options{.name = "lab-owner"}, cluster.metrics());
  user_id_ = new_uuid();
  if (auto made = persistence::UserRepository(owner).ensure(user_id_, "test:lab-" + user_id_); !made)
    throw std::runtime_error(made.error().message);
  use_lite_ = value_of(UseLiteEmbedder::load(pool_, {.models_dir = REPARTEE_MODELS_DIR}));
  embedder_ = std::make_unique<CachedEmbedder>(*use_lite_, *memory_);
  store_documents(REPARTEE_ANSWERS_DIR "/documents");
  index_ = std::make_unique<VectorIndex>(VectorIndex::Options{});
  keeper_ = std::make_unique<knowledge::IndexKeeper>(
      cluster.targets().owner, index_.get(),
      knowledge::IndexKeeper::Options{.file = {}, .embedder = std::string(use_lite_->name()), .listen = false}, nullptr, cluster.metrics());
  while (!keeper_->settled()) std::this_thread::sleep_for(Millis(5));
  passages_ = std::make_unique<knowledge::StoredPassages>(*app_, *keeper_);
  vectors_ = std::make_unique<knowledge::IndexedVectors>(*index_);
  loops_.start();
}

AnswerLab::~AnswerLab() { loops_.stop(); }

void AnswerLab::store_documents(const std::string& folder) {
  persistence::KnowledgeDocumentRepository documents(*app_);
  persistence::KnowledgeChunkRepository chunks(*app_);
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    const std::string bytes = whole(file);
    const auto text = value_of(documents::extract(bytes, file.filename().string(), ""));
    const auto pieces = value_of(documents::chunk_text(text.text));
    persistence::KnowledgeDocument document;
    document.user_id = user_id_;
    document.filename = file.filename();
    document.content_type = "text/plain";
    document.size_bytes = static_cast<std::int64_t>(bytes.size());
    document.checksum = persistence::sha256_hex(bytes);
    document.text_content = text.text;
    document.chunk_count = static_cast<int>(pieces.size());
    document.status = "completed";
    document.vector_ids = {std::string(use_lite_->name())};
    const auto stored = value_of(documents.create(document, user_id_));
    int ordinal = 0;
    for (const auto& piece : pieces) {
      persistence::KnowledgeChunk chunk;
      chunk.user_id = user_id_;
      chunk.document_id = stored.id;
      chunk.ordinal = ordinal++;
      chunk.text = piece.text;
      chunk.token_count = piece.token_count;
      chunk.embedding = use_lite_->encode(piece.text);
      value_of(chunks.create(chunk, user_id_));
    }
    ++documents_;
    chunks_ += pieces.size();
  }
}

Retrieval AnswerLab::retrieve(const std::string& question, const HybridRetriever::Options& options) {
  HybridRetriever retriever(*passages_, vectors_.get(), embedder_.get(), pool_, options);
  std::promise<Result<Retrieval>> answered;
  StreamPtr call;
  loops_.loop(0).post([&] {
    call = retriever.retrieve(loops_.loop(0), {.question = question, .user_id = user_id_},
                              [&](Result<Retrieval> found) { answered.set_value(std::move(found)); });
  });
  Retrieval found = value_of(answered.get_future().get());
  std::promise<void> dropped;
  loops_.loop(0).post([&] {
    call.reset();
    dropped.set_value();
  });
  dropped.get_future().wait();
  return found;
}

std::string AnswerLab::answer_from(const std::string& question, const std::vector<Passage>& passages) {
  LlmRequest request;
  request.clone_name = "Ada";
  request.messages = {{Role::user, question}};
  request.passages = passages;
  return local_answer(request, {});
}

AnswerLab::Outcome AnswerLab::ask(const LabelledQuestion& question, const HybridRetriever::Options& options) {
  Outcome outcome{&question, retrieve(question.question, options).passages, {}};
  std::string of_document;
  for (const auto& passage : outcome.passages)
    if (passage.filename.substr(0, passage.filename.rfind('.')) == question.document) of_document += passage.text + '\n';
  outcome.found = question.answerable() && holds_answer(question, of_document);
  outcome.answer = answer_from(question.question, outcome.passages);
  outcome.answered = outcome.answer.find("According to ") != std::string::npos;
  outcome.right = outcome.answered && holds_answer(question, outcome.answer);
  return outcome;
}

std::map<std::string, AnswerFigures> AnswerLab::run(const HybridRetriever::Options& options, std::vector<Outcome>* outcomes) {
  std::map<std::string, AnswerFigures> figures;
  for (const auto& question : questions_) {
    Outcome outcome = ask(question, options);
    AnswerFigures& figure = figures[question.split];
    if (question.answerable()) {
      ++figure.answerable;
      figure.found += outcome.found;
      ++(outcome.right ? figure.answered_right : outcome.answered ? figure.answered_wrong : figure.not_answered);
    } else {
      ++figure.unanswerable;
      figure.wrongly_answered += outcome.answered;
    }
    if (outcomes) outcomes->push_back(std::move(outcome));
  }
  return figures;
}

}  // namespace repartee::test
