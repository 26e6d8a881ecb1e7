#include "api/document_upload.hpp"

#include "core/log.hpp"
#include "pipeline/documents/document_type.hpp"

namespace repartee::api {

Result<persistence::KnowledgeStore::Added> store_document(persistence::Database& app, cache::BlobStore& blobs, const DocumentUpload& upload,
                                                          const std::string& user_id, std::int64_t storage_bytes_max) {
  const auto type = documents::detect_type(upload.content, upload.filename, upload.content_type);
  if (!type) return type.error();
  const auto blob = blobs.stage("document", upload.content);
  if (!blob) return blob.error();
  auto added = persistence::KnowledgeStore(app).add({.echo_id = upload.echo_id,
                                                     .filename = upload.filename,
                                                     .content_type = documents::content_type_of(*type),
                                                     .checksum = blob->checksum,
                                                     .blob_key = blob->key,
                                                     .size_bytes = static_cast<std::int64_t>(upload.content.size())},
                                                    user_id, storage_bytes_max);
  const bool in_doubt = !added && added.error().code == Errc::in_doubt;  // the row may be there: the sweep will know
  const bool is_used = added && added->document.blob_key == blob->key;
  if (const auto settled = in_doubt ? Status() : is_used ? blobs.publish(blob->key) : blobs.remove(blob->key); !settled)
    log::warn("knowledge", "an uploaded file is left to the sweep", {{"error", settled.error().message}});
  return added;
}

}  // namespace repartee::api
