// What clones know: documents, and the pieces of them that are searched.
// Thread contract: the rows are values; the repositories as repository.hpp says.
#pragma once
#include "persistence/repositories/repository.hpp"

namespace repartee::persistence {

struct KnowledgeDocument {  // table knowledge_documents
  std::string id, user_id;
  std::optional<std::string> echo_id;  // none: of all the user's clones
  std::string filename, content_type;
  std::int64_t size_bytes = 0;  // counts into users.storage_used_bytes
  std::string checksum;         // SHA-256, hexadecimal
  std::string blob_key;         // the file as it was uploaded; empty: not kept
  std::string text_content;
  int chunk_count = 0;
  std::string status = "pending";  // pending | processing | completed | failed
  std::string error;
  std::vector<std::string> vector_ids;  // [0]: the embedder that made its chunks' embeddings; empty: none did
  WallTime uploaded_at{};  // left open: now
  WallTime created_at{}, updated_at{};
  std::optional<WallTime> deleted_at;
  static const Table<KnowledgeDocument>& table();
};

// A document without its text, for lists and for watching how far it is. Written as a KnowledgeDocument.
struct KnowledgeSummary {
  std::string id, user_id;
  std::optional<std::string> echo_id;
  std::string filename, content_type;
  std::int64_t size_bytes = 0;
  std::string checksum, blob_key;
  bool has_text = false;
  int chunk_count = 0;
  std::int64_t chunks_waiting = 0;  // without an embedding so far; counted while it is processed only
  std::string status, error;
  std::vector<std::string> vector_ids;
  WallTime uploaded_at{}, created_at{}, updated_at{};
  std::optional<WallTime> deleted_at;
  static const Table<KnowledgeSummary>& table();
};

struct KnowledgeChunk {  // table knowledge_chunks; unique by document and ordinal. Gone with its document, softly too.
  std::string id, user_id, document_id;
  int ordinal = 0;
  std::string text;  // the database keeps its words searchable (tsv)
  int token_count = 0;
  std::optional<std::vector<float>> embedding;  // none: not embedded yet
  WallTime created_at{}, updated_at{};
  static const Table<KnowledgeChunk>& table();
};

using KnowledgeSummaryRepository = Repository<KnowledgeSummary>;  // reads only
using KnowledgeDocumentRepository = Repository<KnowledgeDocument>;
using KnowledgeChunkRepository = Repository<KnowledgeChunk>;

}  // namespace repartee::persistence
