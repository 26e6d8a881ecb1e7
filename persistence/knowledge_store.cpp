#include "persistence/knowledge_store.hpp"

#include <nlohmann/json.hpp>

#include "persistence/jobs.hpp"
#include "persistence/repositories/people.hpp"

namespace repartee::persistence {
namespace {

constexpr int ingest_attempts_max = 6;
// Of the whole: reading is quick beside embedding.
constexpr double extracted_share = 0.1, chunked_share = 0.15;

// Two uploads of one file at once become one document; a user's uploads also wait for each other, so that the storage is not overrun.
constexpr Statement one_at_a_time{"knowledge_lock", "SELECT pg_advisory_xact_lock(hashtextextended('knowledge ' || $1, 0))"};
constexpr Statement find_clone{"knowledge_clone", "SELECT FROM echos WHERE id = $1 AND user_id = $2 AND deleted_at IS NULL"};
constexpr Statement storage_used{"knowledge_storage", "SELECT storage_used_bytes AS used FROM users WHERE id = $1"};
constexpr Statement count_upload{"knowledge_count", "UPDATE users SET total_uploads = total_uploads + 1 WHERE id = $1"};
constexpr Statement start_over{"knowledge_start_over",
                               "UPDATE knowledge_documents SET status = 'pending', error = '', text_content = '', chunk_count = 0,"
                               " blob_key = CASE WHEN $2 = '' THEN blob_key ELSE $2 END WHERE id = $1"};

std::string ask_to_read(Transaction& t, const std::string& document_id, const std::string& user_id) {
  return JobQueue::enqueue_in(t, {.kind = knowledge_ingest_kind,
                                  .queue = knowledge_queue,
                                  .user_id = user_id,
                                  .payload_json = nlohmann::json{{"document_id", document_id}}.dump(),
                                  .attempts_max = ingest_attempts_max});
}

std::optional<KnowledgeSummary> same_file(Transaction& t, const std::optional<std::string>& echo_id, const std::string& checksum) {
  Filter<KnowledgeSummary> same;
  same.own().where<&KnowledgeSummary::checksum>(checksum).where<&KnowledgeSummary::echo_id>(echo_id);
  auto page = KnowledgeSummary::table().find_many(t, same, Order<KnowledgeSummary>{}, "", 1);
  if (page.rows.empty()) return std::nullopt;
  return std::move(page.rows[0]);
}

void check_room(Transaction& t, const std::string& user_id, std::int64_t size_bytes, std::int64_t storage_bytes_max) {
  const auto rows = t.exec(storage_used, Params(user_id));
  const auto used = rows.empty() ? 0 : rows[0].integer("used");
  if (storage_bytes_max > 0 && used + size_bytes > storage_bytes_max)
    throw DatabaseError(Errc::resource_exhausted, "your storage is full: " + std::to_string(storage_bytes_max / (1024 * 1024)) +
                                                      " MB may be kept; remove something first");
}

}  // namespace

Result<KnowledgeStore::Added> KnowledgeStore::add(const NewDocument& document, const std::string& user_id, std::int64_t storage_bytes_max) {
  return database_.run(
      [&](Transaction& t) -> Added {
        t.exec(one_at_a_time, Params(user_id));
        if (document.echo_id && t.exec(find_clone, Params(*document.echo_id, user_id)).affected() == 0)
          throw DatabaseError(Errc::not_found, "there is no such clone of yours");
        if (auto there = same_file(t, document.echo_id, document.checksum)) {
          if (there->status != "failed") return {std::move(*there), false};
          t.exec(start_over, Params(there->id, document.blob_key));
          ask_to_read(t, there->id, user_id);
          return {KnowledgeSummary::table().find(t, there->id), false};
        }
        check_room(t, user_id, document.size_bytes, storage_bytes_max);
        KnowledgeDocument row;
        row.echo_id = document.echo_id;
        row.filename = document.filename;
        row.content_type = document.content_type;
        row.checksum = document.checksum;
        row.blob_key = document.blob_key;
        row.size_bytes = document.size_bytes;
        const auto id = KnowledgeDocument::table().create(t, row, user_id).id;
        add_usage(t, user_id, "upload.count", "knowledge", 1);
        add_usage(t, user_id, "upload.bytes", "knowledge", document.size_bytes);
        t.exec(count_upload, Params(user_id));
        ask_to_read(t, id, user_id);
        return {KnowledgeSummary::table().find(t, id), true};
      },
      {.user_id = user_id});
}

Result<KnowledgeSummary> KnowledgeStore::find(const std::string& id, const std::string& user_id) {
  return KnowledgeSummaryRepository(database_).find_by_id(id, user_id);
}

Result<Page<KnowledgeSummary>> KnowledgeStore::list(const Wish& wish, const std::string& user_id) {
  Filter<KnowledgeSummary> filter;
  filter.own();
  if (wish.echo_id) filter.where<&KnowledgeSummary::echo_id>(wish.echo_id);
  if (wish.status) filter.where<&KnowledgeSummary::status>(*wish.status);
  if (wish.deleted) filter.deleted(Deleted::only);
  return KnowledgeSummaryRepository(database_).find_many(filter, user_id, Order<KnowledgeSummary>::by<&KnowledgeSummary::uploaded_at>(true),
                                                         wish.cursor, wish.limit);
}

Result<std::string> KnowledgeStore::text(const std::string& id, const std::string& user_id) {
  auto document = KnowledgeDocumentRepository(database_).find_by_id(id, user_id);
  if (!document) return document.error();
  return std::move(document->text_content);
}

Status KnowledgeStore::remove(const std::string& id, const std::string& user_id) {
  return KnowledgeDocumentRepository(database_).remove(id, user_id);
}

Status KnowledgeStore::restore(const std::string& id, const std::string& user_id) {
  return database_.run(
      [&](Transaction& t) {
        t.exec(one_at_a_time, Params(user_id));
        KnowledgeDocument::table().restore(t, id);
        const auto document = KnowledgeSummary::table().find(t, id);
        Filter<KnowledgeSummary> same;
        same.own().where<&KnowledgeSummary::checksum>(document.checksum).where<&KnowledgeSummary::echo_id>(document.echo_id);
        if (KnowledgeSummary::table().count(t, same) > 1)
          throw DatabaseError(Errc::conflict, "the same file was uploaded again after this one was removed");
        if (document.status == "completed") return;
        t.exec(start_over, Params(id, ""));
        ask_to_read(t, id, user_id);
      },
      {.user_id = user_id});
}

KnowledgeProgress progress_of(const KnowledgeSummary& document) {
  if (document.status == "completed") return {"done", 1};
  if (document.status == "failed") return {"failed", 0};
  if (document.status == "pending") return {"waiting", 0};
  if (!document.has_text) return {"extracting", 0};
  if (document.chunk_count == 0) return {"chunking", extracted_share};
  const double embedded = 1 - static_cast<double>(document.chunks_waiting) / document.chunk_count;
  return {"embedding", chunked_share + (1 - chunked_share) * embedded};
}

}  // namespace repartee::persistence
