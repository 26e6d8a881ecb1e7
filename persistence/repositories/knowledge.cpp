#include "persistence/repositories/knowledge.hpp"

namespace repartee::persistence {

const Table<KnowledgeDocument>& KnowledgeDocument::table() {
  using C = Columns<KnowledgeDocument>;
  static const Table<KnowledgeDocument> table(
      {.name = "knowledge_documents"},
      {C::open<&KnowledgeDocument::echo_id>("echo_id", "uuid"), C::open<&KnowledgeDocument::filename>("filename"),
       C::open<&KnowledgeDocument::content_type>("content_type"), C::fixed<&KnowledgeDocument::size_bytes>("size_bytes"),
       C::fixed<&KnowledgeDocument::checksum>("checksum"), C::open<&KnowledgeDocument::text_content>("text_content"),
       C::open<&KnowledgeDocument::chunk_count>("chunk_count"), C::open<&KnowledgeDocument::status>("status"),
       C::open<&KnowledgeDocument::error>("error"), C::open<&KnowledgeDocument::vector_ids>("vector_ids"),
       C::fixed<&KnowledgeDocument::uploaded_at>("uploaded_at").or_else("now()")});
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
