#include "persistence/repositories/knowledge.hpp"

namespace repartee::persistence {

const Table<KnowledgeDocument>& KnowledgeDocument::table() {
  using C = Columns<KnowledgeDocument>;
  static const Table<KnowledgeDocument> table(
      {.name = "knowledge_documents"},
      {C::open<&KnowledgeDocument::echo_id>("echo_id", "uuid"), C::open<&KnowledgeDocument::filename>("filename"),
       C::open<&KnowledgeDocument::content_type>("content_type"), C::fixed<&KnowledgeDocument::size_bytes>("size_bytes"),
       C::fixed<&KnowledgeDocument::checksum>("checksum"), C::open<&KnowledgeDocument::blob_key>("blob_key"), C::open<&KnowledgeDocument::text_content>("text_content"),
       C::open<&KnowledgeDocument::chunk_count>("chunk_count"), C::open<&KnowledgeDocument::status>("status"),
       C::open<&KnowledgeDocument::error>("error"), C::open<&KnowledgeDocument::vector_ids>("vector_ids"),
       C::fixed<&KnowledgeDocument::uploaded_at>("uploaded_at").or_else("now()")});
  return table;
}

const Table<KnowledgeSummary>& KnowledgeSummary::table() {
  using S = KnowledgeSummary;
  using C = Columns<S>;
  static const Table<S> table(
      {.name = "knowledge_documents", .writes = Writes::none},
      {C::made<&S::echo_id>("echo_id", "uuid"), C::made<&S::filename>("filename"), C::made<&S::content_type>("content_type"),
       C::made<&S::size_bytes>("size_bytes"), C::made<&S::checksum>("checksum"), C::made<&S::blob_key>("blob_key"),
       C::made<&S::has_text>("has_text").reading("text_content <> ''"), C::made<&S::chunk_count>("chunk_count"),
       C::made<&S::chunks_waiting>("chunks_waiting")
           .reading("CASE WHEN status = 'processing' THEN (SELECT count(*) FROM knowledge_chunks AS c"
                    " WHERE c.document_id = knowledge_documents.id AND c.embedding IS NULL) ELSE 0 END"),
       C::made<&S::status>("status"), C::made<&S::error>("error"), C::made<&S::vector_ids>("vector_ids"),
       C::made<&S::uploaded_at>("uploaded_at")});
  return table;
}

const Table<KnowledgeChunk>& KnowledgeChunk::table() {
  using C = Columns<KnowledgeChunk>;
  static const Table<KnowledgeChunk> table(
      {.name = "knowledge_chunks",
       .alive = "EXISTS (SELECT FROM knowledge_documents AS d WHERE d.id = document_id AND d.deleted_at IS NULL)"},
      {C::fixed<&KnowledgeChunk::document_id>("document_id", "uuid"), C::fixed<&KnowledgeChunk::ordinal>("ordinal"),
       C::open<&KnowledgeChunk::text>("text"), C::open<&KnowledgeChunk::token_count>("token_count"),
       C::open<&KnowledgeChunk::embedding>("embedding")});
  return table;
}

}  // namespace repartee::persistence
