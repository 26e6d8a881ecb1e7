// The written description of the HTTP interface (OpenAPI 3.1): the fragments of api/openapi/, one a resource, merged into the document
// that GET /api/v1/openapi.json answers; each of its operations is what the router checks requests against.
// Under /api/v1/ a query parameter or a property that is not described is refused, so that a misspelt one does not pass unnoticed (bodies:
// by "additionalProperties": false in the description); under /v1/, where other people's clients come, both are passed over.
// Thread contract: immutable after load(); any thread.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/embedded_files.hpp"
#include "api/operation.hpp"

namespace repartee::api {

class OpenApi {
 public:
  using Key = std::pair<std::string, std::string>;  // "GET", "/api/v1/echo/{id}"
  // internal: a fragment is no JSON, says something twice, or an operation's schema does not compile.
  static Result<std::shared_ptr<const OpenApi>> load(const std::vector<EmbeddedFile>& fragments = embedded_openapi());

  const std::string& text() const { return text_; }
  const Operation* find(std::string_view method, std::string_view path) const;  // null: it is not described
  const std::map<Key, std::unique_ptr<Operation>>& operations() const { return operations_; }

 private:
  OpenApi() = default;
  std::string text_;
  std::map<Key, std::unique_ptr<Operation>> operations_;
};

}  // namespace repartee::api
