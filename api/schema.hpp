// A JSON Schema, compiled once and asked often. valijson judges; what is wrong is then said in words. Understood are the keywords of JSON
// Schema that our descriptions use; formats (uuid, date-time, date, email) are looked at here, since valijson takes std::regex for them,
// which a long text makes recurse without end. For the same reason `pattern` is refused.
// Thread contract: immutable after compile(); any thread.
#pragma once
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "core/result.hpp"

namespace repartee::api {

struct Fault {
  std::string message;  // without the place: "must be at least 1"
  std::string pointer;  // RFC 6901: "/voice/id"; empty: the whole value
};

class Schema {
 public:
  // `resolved`: without $ref, see resolve(). internal: it is no schema, or uses what is not understood.
  static Result<Schema> compile(const nlohmann::json& resolved);
  Schema(Schema&&) noexcept;
  Schema& operator=(Schema&&) noexcept;
  ~Schema();

  std::optional<Fault> check(const nlohmann::json& value) const;
  const nlohmann::json& definition() const;

 private:
  struct Impl;
  explicit Schema(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The node with each {"$ref": "#/..."} replaced by what it points to in `document`. internal: it points nowhere, or to itself.
Result<nlohmann::json> resolve(const nlohmann::json& node, const nlohmann::json& document);

// The first thing wrong, as a person would say it (schema_words.cpp); nullopt also where only valijson knows better (anyOf, contains ...).
std::optional<Fault> fault_in_words(const nlohmann::json& schema, const nlohmann::json& value, const std::string& pointer);

}  // namespace repartee::api
