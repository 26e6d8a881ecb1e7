#include "persistence/knowledge_rows.hpp"

#include <algorithm>

#include "persistence/knowledge_store.hpp"

namespace repartee::persistence {
namespace {

// The document is locked for the step, so that two workers, should there ever be two, do it one after the other.
constexpr Statement lock_document{"knowledge_lock_document",
                                  "SELECT FROM knowledge_documents WHERE id = $1 AND user_id = $2 AND deleted_at IS NULL FOR UPDATE"};
constexpr Statement drop_chunks{"knowledge_drop_chunks", "DELETE FROM knowledge_chunks WHERE document_id = $1"};
constexpr Statement drop_embeddings{"knowledge_drop_embeddings",
                                    "UPDATE knowledge_chunks SET embedding = NULL WHERE document_id = $1 AND embedding IS NOT NULL"};
constexpr Statement name_embedder{
    "knowledge_name_embedder",
    "UPDATE knowledge_documents SET vector_ids = CASE WHEN $2 = '' THEN '{}'::text[] ELSE ARRAY[$2] END WHERE id = $1"};
constexpr Statement embedder_is{"knowledge_embedder_is",
                                "SELECT coalesce(vector_ids[1], '') = $2 AS same FROM knowledge_documents WHERE id = $1"};
constexpr Statement read_waiting{
    "knowledge_waiting", "SELECT id, text FROM knowledge_chunks WHERE document_id = $1 AND embedding IS NULL ORDER BY ordinal LIMIT $2"};
constexpr Statement count_waiting_chunks{"knowledge_count_waiting",
                                         "SELECT count(*) AS n FROM knowledge_chunks WHERE document_id = $1 AND embedding IS NULL"};
constexpr Statement write_embeddings{
    "knowledge_put_embeddings",
    "UPDATE knowledge_chunks AS c SET embedding = made.embedding::real[]"
    " FROM unnest($2::uuid[], $3::text[]) AS made (id, embedding) WHERE c.id = made.id AND c.document_id = $1"};
constexpr Statement read_without_embeddings{
    "knowledge_without_embeddings",
    "SELECT id, user_id FROM knowledge_documents AS d WHERE status = 'completed' AND deleted_at IS NULL AND chunk_count > 0"
    " AND id > coalesce(nullif($2, '')::uuid, '00000000-0000-0000-0000-000000000000')"
    " AND (vector_ids[1] IS DISTINCT FROM $1 OR EXISTS (SELECT FROM knowledge_chunks AS c WHERE c.document_id = d.id AND c.embedding IS "
    "NULL))"
    " ORDER BY id LIMIT $3"};
constexpr Statement abandon{
    "knowledge_abandon",
    "UPDATE knowledge_documents AS d SET status = 'failed', error = $1 WHERE status IN ('pending', 'processing') AND deleted_at IS NULL"
    " AND updated_at < now() - $3 * interval '1 millisecond' AND NOT EXISTS (SELECT FROM jobs AS j WHERE j.kind = $2 AND j.status IN "
    "('queued', 'running')"
    " AND j.user_id = d.user_id AND j.payload->>'document_id' = d.id::text)"};

void lock(Transaction& t, const KnowledgeRows::Place& document) {
  if (t.exec(lock_document, Params(document.id, document.user_id)).affected() == 0)
    throw DatabaseError(Errc::not_found, "the document is not there any more");
}

}  // namespace

Result<KnowledgeDocument> KnowledgeRows::load(const Place& document) {
  return as(document, [&](Transaction& t) { return KnowledgeDocument::table().find(t, document.id); });
}

Status KnowledgeRows::patch(const Place& document, const Patch<KnowledgeDocument>& patch) {
  return as(document, [&](Transaction& t) {
    lock(t, document);
    KnowledgeDocument::table().update(t, document.id, patch);
  });
}

Status KnowledgeRows::begin(const Place& document) {
  return patch(document, Patch<KnowledgeDocument>().set<&KnowledgeDocument::status>("processing").set<&KnowledgeDocument::error>(""));
}

Status KnowledgeRows::put_text(const Place& document, const std::string& text) {
  return patch(document, Patch<KnowledgeDocument>().set<&KnowledgeDocument::text_content>(text).set<&KnowledgeDocument::chunk_count>(0));
}

Status KnowledgeRows::put_chunks(const Place& document, const std::vector<NewChunk>& chunks) {
  return as(document, [&](Transaction& t) {
    lock(t, document);
    t.exec(drop_chunks, Params(document.id));
    for (std::size_t from = 0; from < chunks.size(); from += batch_rows_max) {
      std::vector<KnowledgeChunk> batch;
      for (std::size_t i = from; i < std::min(chunks.size(), from + batch_rows_max); ++i) {
        KnowledgeChunk row;
        row.document_id = document.id;
        row.ordinal = static_cast<int>(i);
        row.text = chunks[i].text;
        row.token_count = chunks[i].token_count;
        batch.push_back(std::move(row));
      }
      KnowledgeChunk::table().create_many(t, batch, document.user_id);
    }
    KnowledgeDocument::table().update(t, document.id,
                                      Patch<KnowledgeDocument>()
                                          .set<&KnowledgeDocument::chunk_count>(static_cast<int>(chunks.size()))
                                          .set<&KnowledgeDocument::vector_ids>({}));
  });
}

Status KnowledgeRows::begin_embeddings(const Place& document, const std::string& embedder) {
  return as(document, [&](Transaction& t) {
    lock(t, document);
    if (t.exec(embedder_is, Params(document.id, embedder))[0].boolean("same")) return;
    t.exec(drop_embeddings, Params(document.id));
    t.exec(name_embedder, Params(document.id, embedder));
  });
}

Result<std::vector<KnowledgeRows::Waiting>> KnowledgeRows::waiting(const Place& document, std::size_t limit) {
  return as(document, [&](Transaction& t) {
    std::vector<Waiting> chunks;
    for (const auto& row : t.exec(read_waiting, Params(document.id, limit))) chunks.push_back({row.text("id"), row.text("text")});
    return chunks;
  });
}

Result<std::int64_t> KnowledgeRows::count_waiting(const Place& document) {
  return as(document, [&](Transaction& t) { return t.exec(count_waiting_chunks, Params(document.id))[0].integer("n"); });
}

Status KnowledgeRows::put_embeddings(const Place& document, const std::vector<Embedded>& embedded) {
  std::vector<std::string> ids, embeddings;
  for (const auto& chunk : embedded) {
    ids.push_back(chunk.id);
    embeddings.push_back(array_text(chunk.embedding));
  }
  return as(document, [&](Transaction& t) {
    lock(t, document);
    t.exec(write_embeddings, Params(document.id, array_text(ids), array_text(embeddings)));
  });
}

Status KnowledgeRows::complete(const Place& document, const std::string& remark) {
  return patch(document, Patch<KnowledgeDocument>().set<&KnowledgeDocument::status>("completed").set<&KnowledgeDocument::error>(remark));
}

Status KnowledgeRows::fail(const Place& document, const std::string& why) {
  return patch(document, Patch<KnowledgeDocument>().set<&KnowledgeDocument::status>("failed").set<&KnowledgeDocument::error>(why));
}

Result<std::vector<KnowledgeRows::Place>> KnowledgeRows::without_embeddings(const std::string& embedder, const std::string& after_id,
                                                                            std::size_t limit) {
  return database_.run([&](Transaction& t) {
    std::vector<Place> places;
    for (const auto& row : t.exec(read_without_embeddings, Params(embedder, after_id, limit)))
      places.push_back({row.text("id"), row.text("user_id")});
    return places;
  });
}

Result<std::size_t> KnowledgeRows::fail_abandoned(const std::string& why, Millis unchanged_for) {
  return database_.run(
      [&](Transaction& t) { return t.exec(abandon, Params(why, knowledge_ingest_kind, unchanged_for.count())).affected(); });
}

}  // namespace repartee::persistence
