#include "commands/knowledge_ingest.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/log.hpp"
#include "persistence/knowledge_store.hpp"

namespace repartee::commands {
namespace {

using persistence::KnowledgeDocument;

constexpr double extracted_share = 0.1, chunked_share = 0.15;  // of the progress; the rest is embedding
constexpr std::size_t reembed_page = 100;
constexpr const char* file_gone = "The uploaded file is no longer there; upload it again.";
constexpr const char* not_read = "The document could not be read because of a fault of the server; upload it again later.";
constexpr const char* words_only =
    "It is found by its words only for now, because the embedder did not answer; that is tried again by itself.";

// The file itself is why: trying again will not help.
bool is_files_fault(const Error& error) { return error.code == Errc::invalid_argument || error.code == Errc::data_corrupt; }

std::string outcome(const char* status, const std::string& error = "") {
  nlohmann::json json{{"status", status}};
  if (!error.empty()) json["error"] = error;
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string document_in(const std::string& payload_json) {
  const auto payload = nlohmann::json::parse(payload_json, nullptr, false);
  return payload.is_object() && payload.contains("document_id") && payload["document_id"].is_string()
             ? payload["document_id"].get<std::string>()
             : "";
}

persistence::NewJob reembedding_job() { return {.kind = knowledge_reembed_kind, .queue = persistence::knowledge_queue}; }

}  // namespace

KnowledgeIngest::KnowledgeIngest(persistence::Database& owner, cache::BlobStore& blobs, pipeline::Embedder* embedder, Options options,
                                 Metrics& metrics)
    : owner_(owner),
      rows_(owner),
      blobs_(blobs),
      embedder_(embedder ? std::make_unique<BlockingEmbedder>(*embedder) : nullptr),
      options_(std::move(options)),
      extraction_(options_.extraction),
      completed_(metrics.counter("repartee_knowledge_documents_total", "documents read, by outcome", {{"outcome", "completed"}})),
      failed_(metrics.counter("repartee_knowledge_documents_total", "documents read, by outcome", {{"outcome", "failed"}})),
      chunks_(metrics.counter("repartee_knowledge_chunks_embedded_total", "chunks of documents embedded")),
      extract_seconds_(metrics.histogram("repartee_knowledge_extract_seconds", "time to turn a file into text, its process included",
                                         Metrics::latency_seconds())) {}

void KnowledgeIngest::add_to(persistence::JobWorker& worker) {
  worker.add(persistence::knowledge_ingest_kind, [this](Context& context) { return ingest(context); });
  worker.add_daily(knowledge_reembed_kind, [this](Context& context) { return reembed(context); });
}

Status KnowledgeIngest::ask_for_reembedding() {
  auto asked = persistence::JobQueue(owner_).enqueue(reembedding_job());
  return asked ? Status() : asked.error();
}

Result<std::string> KnowledgeIngest::ingest(Context& context) {
  const auto& job = context.job();
  const Place place{document_in(job.payload_json), job.user_id};
  const auto document = rows_.load(place);
  if (!document && document.error().code == Errc::not_found) return outcome("gone");
  if (!document) return document.error();
  if (document->status == "completed" || document->status == "failed") return outcome(document->status.c_str());

  const auto read_status = read(*document, context);
  if (read_status) {
    completed_.add();
    return outcome("completed");
  }
  const auto& error = read_status.error();
  if (error.code == Errc::not_found) return outcome("gone");
  const bool last = job.attempts >= job.attempts_max;
  if (context.should_stop() || (!is_files_fault(error) && !last)) return error;
  const std::string why = is_files_fault(error) ? error.message : not_read;
  if (!is_files_fault(error)) log::warn("knowledge", "a document could not be read", {{"document", place.id}, {"error", error.message}});
  if (auto told = rows_.fail(place, why); !told && told.error().code != Errc::not_found) return told.error();
  failed_.add();
  return outcome("failed", why);
}

Status KnowledgeIngest::read(const KnowledgeDocument& document, Context& context) {
  const Place place{document.id, document.user_id};
  if (auto begun = rows_.begin(place); !begun) return begun;
  std::string text = document.text_content;
  if (text.empty())
    if (auto extracted = extract(document, context, text); !extracted) return extracted;
  context.set_progress(extracted_share);
  if (document.text_content.empty() || document.chunk_count == 0)
    if (auto chunked = cut(place, text); !chunked) return chunked;
  context.set_progress(chunked_share);
  std::string remark;
  if (auto embedded = embed(place, context); !embedded) {
    const auto& job = context.job();
    if (embedded.error().code == Errc::not_found || context.should_stop() || job.attempts < job.attempts_max) return embedded;
    log::warn("knowledge", "a document stays without embeddings for now", {{"document", place.id}, {"error", embedded.error().message}});
    remark = words_only;
  }
  return rows_.complete(place, remark);
}

Status KnowledgeIngest::extract(const KnowledgeDocument& document, Context& context, std::string& text) {
  const auto file = blobs_.read(document.blob_key);
  if (!file && (document.blob_key.empty() || file.error().code == Errc::not_found)) return Error{Errc::invalid_argument, file_gone};
  if (!file) return file.error();
  const auto type = documents::detect_type(*file, document.filename, document.content_type);
  if (!type) return type.error();
  const auto from = SteadyClock::now();
  auto extracted = extraction_.extract(*type, *file, [&] { return context.should_stop(); });
  extract_seconds_.observe(std::chrono::duration<double>(SteadyClock::now() - from).count());
  if (!extracted) return extracted.error();
  text = std::move(extracted->text);
  return rows_.put_text({document.id, document.user_id}, text);
}

Status KnowledgeIngest::cut(const Place& place, const std::string& text) {
  auto chunks = documents::chunk_text(text, options_.chunks);
  if (!chunks) return chunks.error();
  if (chunks->empty()) return Error{Errc::invalid_argument, "There is no text in the document."};
  std::vector<persistence::KnowledgeRows::NewChunk> rows;
  for (auto& chunk : *chunks) rows.push_back({std::move(chunk.text), chunk.token_count});
  return rows_.put_chunks(place, rows);
}

Status KnowledgeIngest::embed(const Place& place, Context& context) {
  if (auto begun = rows_.begin_embeddings(place, embedder_ ? std::string(embedder_->embedder().name()) : ""); !begun || !embedder_)
    return begun;
  const auto total = rows_.count_waiting(place);
  if (!total) return total.error();
  const auto batch_max = std::min(options_.batch_chunks, std::max<std::size_t>(1, embedder_->embedder().texts_max()));
  const auto stopping = [&] { return context.should_stop(); };
  for (std::int64_t done = 0;;) {
    if (context.should_stop()) return Error{Errc::cancelled, "called off"};
    auto chunks = rows_.waiting(place, batch_max);
    if (!chunks) return chunks.error();
    if (chunks->empty()) return {};
    std::vector<std::string> texts;
    for (auto& chunk : *chunks) texts.push_back(std::move(chunk.text));
    auto made = embedder_->embed(std::move(texts), options_.batch_time_max, stopping);
    if (!made) return Error{Errc::unavailable, made.error().message};  // the embedder's fault, not the file's
    std::vector<persistence::KnowledgeRows::Embedded> embedded;
    for (std::size_t i = 0; i < chunks->size(); ++i) embedded.push_back({(*chunks)[i].id, std::move(made->vectors[i])});
    if (auto put = rows_.put_embeddings(place, embedded); !put) return put;
    done += static_cast<std::int64_t>(embedded.size());
    chunks_.add(static_cast<double>(embedded.size()));
    context.set_progress(chunked_share + (1 - chunked_share) * static_cast<double>(done) / static_cast<double>(std::max(*total, done)));
  }
}

Result<std::string> KnowledgeIngest::reembed(Context& context) {
  const auto abandoned = rows_.fail_abandoned(not_read, options_.abandoned_after);
  if (!abandoned) return abandoned.error();
  if (!embedder_) return nlohmann::json{{"abandoned", *abandoned}, {"reembedded", 0}}.dump();
  const std::string embedder(embedder_->embedder().name());
  const auto until = SteadyClock::now() + options_.slice_time;
  std::size_t count = 0;
  std::string after;
  for (;;) {
    const auto places = rows_.without_embeddings(embedder, after, reembed_page);
    if (!places) return places.error();
    for (const auto& place : *places) {
      if (SteadyClock::now() >= until) {
        if (auto asked = ask_for_reembedding(); !asked) return asked.error();
        return nlohmann::json{{"abandoned", *abandoned}, {"reembedded", count}, {"goes_on", true}}.dump();
      }
      after = place.id;
      auto embedded = embed(place, context);
      if (!embedded && embedded.error().code == Errc::not_found) continue;
      if (!embedded) return embedded.error();
      if (auto told = rows_.complete(place, ""); !told && told.error().code != Errc::not_found) return told.error();
      ++count;
    }
    if (places->size() < reembed_page) break;
  }
  if (count > 0) log::info("knowledge", "documents were embedded anew", {{"documents", count}, {"embedder", embedder}});
  return nlohmann::json{{"abandoned", *abandoned}, {"reembedded", count}}.dump();
}

}  // namespace repartee::commands
