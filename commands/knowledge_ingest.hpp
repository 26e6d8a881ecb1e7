// Reads uploaded documents: the jobs that turn a file into text, chunks and embeddings. What is done already stands in the rows
// (persistence/knowledge_rows.hpp), so a job that was killed anywhere goes on there. A file that cannot be read is no failed job: the
// document says why, in words for whoever uploaded it. Without an embedder documents are found by their words only.
//   knowledge.ingest   one document: file -> text (in a child process) -> chunks -> embeddings -> completed
//   knowledge.reembed  documents whose embeddings are another embedder's or not all there, a slice at a time, so that uploads come between;
//                      and documents that nobody reads any more are marked failed. Asked for at the start and daily.
// Thread contract: made and destroyed on the owner's thread, outlives the worker; the handlers on the worker's threads.
#pragma once
#include <memory>

#include "cache/blob_store.hpp"
#include "commands/blocking_embedder.hpp"
#include "core/metrics.hpp"
#include "persistence/job_worker.hpp"
#include "persistence/knowledge_rows.hpp"
#include "pipeline/documents/chunker.hpp"
#include "pipeline/documents/extraction_process.hpp"

namespace repartee::commands {

inline constexpr const char* knowledge_reembed_kind = "knowledge.reembed";

class KnowledgeIngest {
 public:
  struct Options {
    documents::ExtractionProcess::Options extraction = {};
    documents::ChunkOptions chunks = {};
    std::size_t batch_chunks = 32;  // embedded and written at once; the embedder may want fewer
    Duration batch_time_max = std::chrono::seconds(60);
    Duration slice_time = std::chrono::seconds(10);    // of a knowledge.reembed, before it asks for another
    Millis abandoned_after = std::chrono::minutes(1);  // a document that should be being read, but has no job
  };
  // `embedder` may be null.
  KnowledgeIngest(persistence::Database& owner, cache::BlobStore& blobs, pipeline::Embedder* embedder, Options options, Metrics& metrics);

  void add_to(persistence::JobWorker& worker);  // both kinds
  Status ask_for_reembedding();                 // at the start

 private:
  using Place = persistence::KnowledgeRows::Place;
  using Context = persistence::JobContext;

  Result<std::string> ingest(Context& context);
  Result<std::string> reembed(Context& context);
  Status read(const persistence::KnowledgeDocument& document, Context& context);
  Status extract(const persistence::KnowledgeDocument& document, Context& context, std::string& text);
  Status cut(const Place& place, const std::string& text);
  Status embed(const Place& place, Context& context);

  persistence::Database& owner_;
  persistence::KnowledgeRows rows_;
  cache::BlobStore& blobs_;
  const std::unique_ptr<BlockingEmbedder> embedder_;  // null: none
  const Options options_;
  const documents::ExtractionProcess extraction_;
  Counter& completed_;
  Counter& failed_;
  Counter& chunks_;
  Histogram& extract_seconds_;
};

}  // namespace repartee::commands
