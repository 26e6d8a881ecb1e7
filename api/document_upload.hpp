// A document on its way in, over HTTP or from the command line: what it is, its file, its row and the job that reads it.
// Thread contract: any thread; blocking.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "cache/blob_store.hpp"
#include "persistence/knowledge_store.hpp"

namespace repartee::api {

struct DocumentUpload {
  std::string_view content;
  std::string filename;           // as safe_filename makes them
  std::string content_type = {};  // as the client said; decides where the name does not
  std::optional<std::string> echo_id = {};
};

// The blob first, then the row that names it; a blob whose row does not come to be is removed, by the sweep if need be.
// invalid_argument: no document that can be read, in words for who uploads it; else as KnowledgeStore::add and BlobStore::stage.
Result<persistence::KnowledgeStore::Added> store_document(persistence::Database& app, cache::BlobStore& blobs, const DocumentUpload& upload,
                                                          const std::string& user_id, std::int64_t storage_bytes_max);

}  // namespace repartee::api
