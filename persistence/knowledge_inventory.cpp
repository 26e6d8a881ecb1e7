#include "persistence/knowledge_inventory.hpp"

#include "core/ids.hpp"
#include "persistence/repositories/array_text.hpp"

namespace repartee::persistence {
namespace {

#define REPARTEE_DOCUMENTS                                                                                                     \
  "SELECT d.id, d.user_id, coalesce(d.echo_id::text, '') AS echo_id, coalesce(d.vector_ids[1], '') AS embedder,"               \
  " concat_ws('/', d.echo_id, d.vector_ids[1], (SELECT concat_ws('/', count(*), max(c.updated_at)) FROM knowledge_chunks AS c" \
  " WHERE c.document_id = d.id)) AS stamp FROM knowledge_documents AS d WHERE d.deleted_at IS NULL AND d.status = 'completed'"

constexpr Statement all_documents{"knowledge_all_documents", REPARTEE_DOCUMENTS};
constexpr Statement one_document{"knowledge_one_document", REPARTEE_DOCUMENTS " AND d.id = $1"};
constexpr Statement document_vectors{
    "knowledge_document_vectors",
    "SELECT ordinal, embedding FROM knowledge_chunks WHERE document_id = $1 AND embedding IS NOT NULL ORDER BY ordinal"};

#undef REPARTEE_DOCUMENTS

KnowledgeInventory::Document document_of(const Row& row) {
  return {row.text("id"), row.text("user_id"), row.text("echo_id"), row.text("embedder"), row.text("stamp")};
}

}  // namespace

Result<std::vector<KnowledgeInventory::Document>> KnowledgeInventory::all() {
  return owner_.run([&](Transaction& t) {
    std::vector<Document> documents;
    for (const Row row : t.exec(all_documents)) documents.push_back(document_of(row));
    return documents;
  });
}

Result<std::optional<KnowledgeInventory::Document>> KnowledgeInventory::find(const std::string& document_id) {
  if (!is_uuid(document_id)) return std::optional<Document>();
  return owner_.run([&](Transaction& t) {
    const Rows rows = t.exec(one_document, Params(document_id));
    return rows.empty() ? std::optional<Document>() : document_of(rows[0]);
  });
}

Result<std::vector<KnowledgeInventory::Vector>> KnowledgeInventory::vectors(const std::string& document_id) {
  return owner_.run([&](Transaction& t) {
    std::vector<Vector> vectors;
    for (const Row row : t.exec(document_vectors, Params(document_id)))
      vectors.push_back({static_cast<int>(row.integer("ordinal")), parse_real_array(row.text("embedding"))});
    return vectors;
  });
}

}  // namespace repartee::persistence
