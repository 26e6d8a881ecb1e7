// Documents as their owner deals with them: added, looked at, removed, brought back. Reading them (text, chunks, embeddings) is a job's
// work: knowledge_rows.hpp. Each call works as `user_id`.
// Errors: not_found, also for what is another's; conflict; resource_exhausted: the storage is full; and those of Database::run.
// Thread contract: any thread; blocking.
#pragma once
#include <optional>
#include <string>

#include "persistence/repositories/knowledge.hpp"

namespace repartee::persistence {

inline constexpr const char* knowledge_ingest_kind = "knowledge.ingest";  // job: payload {"document_id": "..."}
inline constexpr const char* knowledge_queue = "embeddings";

struct NewDocument {
  std::optional<std::string> echo_id;  // none: for all of the user's clones
  std::string filename, content_type, checksum, blob_key;
  std::int64_t size_bytes = 0;
};

class KnowledgeStore {
 public:
  struct Added {
    KnowledgeSummary document;
    bool is_new = true;  // false: the same file was there; it is read anew if that had failed
  };
  struct Wish {
    std::optional<std::string> echo_id, status;
    bool deleted = false;  // the removed ones instead
    std::string cursor;
    std::size_t limit = 50;
  };

  explicit KnowledgeStore(Database& app) : database_(app) {}

  // The document, what it takes of the user's allowance, and the job that reads it, in one transaction. not_found: no such clone.
  Result<Added> add(const NewDocument& document, const std::string& user_id, std::int64_t storage_bytes_max);
  Result<KnowledgeSummary> find(const std::string& id, const std::string& user_id);
  Result<Page<KnowledgeSummary>> list(const Wish& wish, const std::string& user_id);  // newest first
  Result<std::string> text(const std::string& id, const std::string& user_id);        // empty: not read so far
  Status remove(const std::string& id, const std::string& user_id);
  // One that was not read to its end when it was removed is read again. conflict: the same file was uploaded again meanwhile.
  Status restore(const std::string& id, const std::string& user_id);

 private:
  Database& database_;
};

// How far a document is, by its row.
struct KnowledgeProgress {
  const char* stage = "waiting";  // waiting | extracting | chunking | embedding | done | failed
  double done = 0;                // 0 to 1, of all of it
};
KnowledgeProgress progress_of(const KnowledgeSummary& document);

}  // namespace repartee::persistence
