// One operation of the written description (method and path), ready to check what comes in against it, and in tests what goes out.
// Thread contract: immutable after make(); any thread.
#pragma once
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "api/request_body.hpp"
#include "core/result.hpp"
#include "realtime/transport/server.hpp"

namespace repartee::api {

struct Refusal {
  int status = 400;
  Error error;
  std::string param;  // name of a path or query parameter, or JSON pointer into the body: "limit", "/voice/id"
};

class Operation {
 public:
  // `definition`: the operation object, `document`: the whole description. `lenient`: unknown query parameters are passed over.
  static Result<std::unique_ptr<Operation>> make(const nlohmann::json& definition, const nlohmann::json& document, bool lenient);
  ~Operation();

  // Path and query parameters, Content-Type and JSON body. `body` gets the parsed JSON body, and stays null where there is none.
  std::optional<Refusal> check(const transport::Request& request, const std::map<std::string, std::string>& path_params,
                               std::shared_ptr<const nlohmann::json>& body) const;

  // Whether an answer is a documented one: status, content type, JSON body. For tests.
  Status check_response(const transport::Response& response) const;
  // Whether every example of it fits its schema. For tests.
  Status check_examples() const;

 private:
  struct Impl;
  explicit Operation(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace repartee::api
