#include "api/schema.hpp"

#include <nlohmann/json.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

namespace repartee::api {
namespace {

using Json = nlohmann::json;
using Adapter = valijson::adapters::NlohmannJsonAdapter;

constexpr int reference_depth_max = 32;
// Where a schema holds names that are not keywords.
bool holds_names(const std::string& keyword) { return keyword == "properties" || keyword == "example" || keyword == "examples"; }

Error not_a_schema(const std::string& why) { return {Errc::internal, "description of the HTTP interface: " + why}; }

// What valijson is given: without formats, and without what it has no use for.
Json for_valijson(const Json& schema) {
  if (schema.is_array()) {
    Json all = Json::array();
    for (const auto& item : schema) all.push_back(for_valijson(item));
    return all;
  }
  if (!schema.is_object()) return schema;
  Json out = Json::object();
  for (const auto& [key, value] : schema.items()) {
    if (key == "format" || key == "example" || key == "examples" || key == "default" || key == "description") continue;
    if (key == "properties") {
      out[key] = Json::object();
      for (const auto& [name, property] : value.items()) out[key][name] = for_valijson(property);
    } else {
      out[key] = key == "enum" || key == "const" ? value : for_valijson(value);
    }
  }
  return out;
}

Status check_keywords(const Json& schema) {
  if (schema.is_array()) {
    for (const auto& item : schema)
      if (auto fine = check_keywords(item); !fine) return fine;
  }
  if (!schema.is_object()) return {};
  if (schema.contains("pattern") || schema.contains("patternProperties"))
    return not_a_schema("`pattern` is not taken; use a format, or check it in the handler");
  for (const auto& [key, value] : schema.items()) {
    if (key == "example" || key == "examples" || key == "enum" || key == "const" || key == "default") continue;
    if (!holds_names(key)) {
      if (auto fine = check_keywords(value); !fine) return fine;
      continue;
    }
    for (const auto& [name, property] : value.items())
      if (auto fine = check_keywords(property); !fine) return fine;
  }
  return {};
}

// ["<root>", "[voice]", "[id]"] -> "/voice/id"
std::string pointer_of(const std::vector<std::string>& context) {
  std::string pointer;
  for (std::size_t i = 1; i < context.size(); ++i) {
    const auto& part = context[i];
    pointer += '/' + (part.size() > 2 && part.front() == '[' ? part.substr(1, part.size() - 2) : part);
  }
  return pointer;
}

Result<Json> resolve_within(const Json& node, const Json& document, int depth) {
  if (depth > reference_depth_max) return not_a_schema("a $ref leads in a circle");
  if (node.is_array()) {
    Json all = Json::array();
    for (const auto& item : node) {
      auto one = resolve_within(item, document, depth);
      if (!one) return one;
      all.push_back(std::move(*one));
    }
    return all;
  }
  if (!node.is_object()) return node;
  if (const auto ref = node.find("$ref"); ref != node.end() && ref->is_string()) {
    const auto target = ref->get<std::string>();
    const Json::json_pointer pointer(target.starts_with('#') ? target.substr(1) : "/" + target);
    if (!document.contains(pointer)) return not_a_schema("there is no " + target);
    return resolve_within(document.at(pointer), document, depth + 1);
  }
  Json out = Json::object();
  for (const auto& [key, value] : node.items()) {
    auto one = resolve_within(value, document, depth);
    if (!one) return one;
    out[key] = std::move(*one);
  }
  return out;
}

}  // namespace

struct Schema::Impl {
  Json definition;
  valijson::Schema compiled;
};

Schema::Schema(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Schema::Schema(Schema&&) noexcept = default;
Schema& Schema::operator=(Schema&&) noexcept = default;
Schema::~Schema() = default;

Result<Schema> Schema::compile(const Json& resolved) {
  if (auto fine = check_keywords(resolved); !fine) return fine.error();
  auto impl = std::make_unique<Impl>();
  impl->definition = resolved;
  try {
    const Json lean = for_valijson(resolved);
    valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
    parser.populateSchema(Adapter(lean), impl->compiled);
  } catch (const std::exception& e) { return not_a_schema(e.what()); }
  return Schema(std::move(impl));
}

std::optional<Fault> Schema::check(const Json& value) const {
  valijson::Validator validator;
  valijson::ValidationResults results;
  const bool valid = validator.validate(impl_->compiled, Adapter(value), &results);
  if (auto fault = fault_in_words(impl_->definition, value, "")) return fault;  // formats are only looked at there
  if (valid) return std::nullopt;
  if (results.numErrors() == 0) return Fault{"is not what is documented", ""};
  const auto& first = *results.begin();
  return Fault{first.description, pointer_of(first.context)};
}

const Json& Schema::definition() const { return impl_->definition; }

Result<Json> resolve(const Json& node, const Json& document) {
  try {
    return resolve_within(node, document, 0);
  } catch (const Json::exception& e) { return not_a_schema(e.what()); }
}

}  // namespace repartee::api
