// Documents: table `knowledge_documents`. An upload is stored and answered at once; a job reads it.
#include "api/document_upload.hpp"
#include "api/json_fields.hpp"
#include "api/multipart.hpp"
#include "api/routes.hpp"
#include "core/ids.hpp"

namespace repartee::api {
namespace {

using persistence::KnowledgeStore;
using persistence::KnowledgeSummary;

constexpr std::size_t echo_id_bytes_max = 36;

Json document_json(const KnowledgeSummary& document) {
  const auto progress = persistence::progress_of(document);
  return {{"id", document.id},
          {"echo_id", or_null(document.echo_id)},
          {"filename", document.filename},
          {"content_type", document.content_type},
          {"size_bytes", document.size_bytes},
          {"checksum", document.checksum},
          {"status", document.status},
          {"progress", {{"stage", progress.stage}, {"done", progress.done}}},
          {"error", document.error},
          {"chunk_count", document.chunk_count},
          {"embedder", document.vector_ids.empty() ? Json() : Json(document.vector_ids[0])},
          {"uploaded_at", time_json(document.uploaded_at)},
          {"updated_at", time_json(document.updated_at)},
          {"deleted_at", time_json(document.deleted_at)}};
}

transport::Response whole(int status, const KnowledgeSummary& document) {
  return object_response(status, "document", dump(document_json(document)));
}

transport::Response refused(std::string message, std::string_view param, int status = 400) {
  return error_response(status, {Errc::invalid_argument, std::move(message)}, param);
}

// ---- uploads ----

// The form's parts, or the answer that refuses them.
std::optional<transport::Response> read_form(const Call& call, DocumentUpload& upload) {
  const auto parts = parse_multipart(call.request.header("content-type"), call.request.body);
  if (!parts) return refused(parts.error().message, "");
  for (const auto& part : *parts)
    if (part.name != "file" && part.name != "echo_id")
      return refused("there is no field of this name here; possible: file, echo_id", part.name.substr(0, 100));
  const auto* file = find_part(*parts, "file");
  if (!file || !file->filename) return refused("the field file, with a file name, is missing", "file");
  if (const auto* echo = find_part(*parts, "echo_id"); echo && !echo->content.empty()) {
    if (echo->content.size() > echo_id_bytes_max || !is_uuid(echo->content)) return refused("echo_id must be a UUID", "echo_id");
    upload.echo_id = std::string(echo->content);
  }
  upload.content = file->content;
  upload.filename = safe_filename(*file->filename);
  upload.content_type = file->content_type;
  return std::nullopt;
}

Result<transport::Response> upload(const Backend& backend, const Call& call, std::int64_t storage_bytes_max) {
  const auto [blobs, bytes_max] = backend.uploads;
  if (!blobs) return Error{Errc::unavailable, "this server keeps no files"};
  DocumentUpload upload;
  if (auto refusal = read_form(call, upload)) return *refusal;
  if (upload.content.size() > bytes_max)
    return refused("a document may have " + std::to_string(bytes_max / (1024 * 1024)) + " MB at most", "file", 413);
  const auto added = store_document(backend.database, *blobs, upload, backend.user_of(call.caller), storage_bytes_max);
  if (!added && added.error().code == Errc::not_found) return error_response(added.error(), "echo_id");
  if (!added && added.error().code == Errc::invalid_argument) return error_response(added.error(), "file");
  if (!added) return added.error();
  return whole(added->document.status == "pending" ? 202 : 200, added->document);
}

// The tier's word first: what it knows is some seconds old, but spares the rest. The storage is judged again when the row is written.
CallHandler upload_handler(const Backend& backend) {
  return [&backend](Call call) {
    const auto limits = backend.allowances ? backend.allowances->limits_of(call.caller) : auth::TierLimits{};
    auto work = [&backend, storage_max = limits.storage_bytes_max](const Call& waiting) { return upload(backend, waiting, storage_max); };
    if (!backend.allowances) return backend.blocking.answer(std::move(call), std::move(work));
    auto& loop = call.loop;
    const auto caller = call.caller;
    const auto bytes = static_cast<std::int64_t>(call.request.body.size());
    auto waiting = std::make_shared<Call>(std::move(call));
    backend.allowances->may_upload(loop, caller, bytes, [&backend, waiting, work = std::move(work)](const Status& allowed) {
      if (!allowed) return waiting->respond(error_response(allowed.error(), "file"));
      backend.blocking.answer(std::move(*waiting), work);
    });
  };
}

// ---- the rest ----

Result<transport::Response> list(const Backend& backend, const Call& call) {
  const auto query = parse_list_query(call.request);
  if (!query) return error_response(query.error());
  const auto deleted = call.query("deleted");
  const auto page = KnowledgeStore(backend.database)
                        .list({.echo_id = call.query("echo_id"),
                               .status = call.query("status"),
                               .deleted = deleted == "true" || deleted == "1",
                               .cursor = query->cursor,
                               .limit = static_cast<std::size_t>(query->limit)},
                              backend.user_of(call.caller));
  if (!page) return page.error();
  JsonPage json{{}, page->next_cursor};
  for (const auto& document : page->rows) json.items.push_back(dump(document_json(document)));
  return list_response("documents", json);
}

Result<transport::Response> show(const Backend& backend, const Call& call) {
  const auto document = KnowledgeStore(backend.database).find(call.param("id"), backend.user_of(call.caller));
  if (!document) return missing(document.error(), "document");
  return whole(200, *document);
}

Result<transport::Response> text(const Backend& backend, const Call& call) {
  auto text = KnowledgeStore(backend.database).text(call.param("id"), backend.user_of(call.caller));
  if (!text) return missing(text.error(), "document");
  if (text->empty()) return Error{Errc::conflict, "the document has not been read"};
  return transport::Response{
      200,
      {{"Content-Type", "text/plain; charset=utf-8"}, {"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}},
      std::move(*text)};
}

Result<transport::Response> remove(const Backend& backend, const Call& call) {
  const auto removed = KnowledgeStore(backend.database).remove(call.param("id"), backend.user_of(call.caller));
  if (!removed) return missing(removed.error(), "document");
  return success_response("removed; POST .../restore brings it back");
}

Result<transport::Response> restore(const Backend& backend, const Call& call) {
  const auto user = backend.user_of(call.caller);
  KnowledgeStore store(backend.database);
  if (const auto restored = store.restore(call.param("id"), user); !restored) return missing(restored.error(), "removed document");
  const auto document = store.find(call.param("id"), user);
  if (!document) return missing(document.error(), "document");
  return whole(200, *document);
}

}  // namespace

void add_knowledge_routes(Router& router, const Backend& backend) {
  const auto on = [&backend](auto work) {
    return backend.blocking.handler([&backend, work](const Call& call) { return work(backend, call); });
  };
  router.add("GET", "/api/v1/knowledge", Access::key, on(list));
  router.add("POST", "/api/v1/knowledge", Access::key, upload_handler(backend), "document.upload");
  router.add("GET", "/api/v1/knowledge/{id}", Access::key, on(show));
  router.add("GET", "/api/v1/knowledge/{id}/text", Access::key, on(text), "document.read");
  router.add("DELETE", "/api/v1/knowledge/{id}", Access::key, on(remove), "document.delete");
  router.add("POST", "/api/v1/knowledge/{id}/restore", Access::key, on(restore), "document.restore");
}

}  // namespace repartee::api
