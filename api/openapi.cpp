#include "api/openapi.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace repartee::api {
namespace {

using Json = nlohmann::json;

Error wrong(const std::string& why) { return {Errc::internal, "description of the HTTP interface: " + why}; }

// Objects are merged, lists joined, anything else may be said once only.
Status merge(Json& into, const Json& from, const std::string& place) {
  for (const auto& [key, value] : from.items()) {
    if (!into.contains(key)) {
      into[key] = value;
    } else if (into[key].is_object() && value.is_object()) {
      if (auto fine = merge(into[key], value, place + "/" + key); !fine) return fine;
    } else if (into[key].is_array() && value.is_array()) {
      into[key].insert(into[key].end(), value.begin(), value.end());
    } else {
      return wrong(place + "/" + key + " stands in two fragments");
    }
  }
  return {};
}

Result<Json> merged(const std::vector<EmbeddedFile>& fragments) {
  Json document = Json::object();
  for (const auto& fragment : fragments) {
    const auto part = Json::parse(fragment.bytes, nullptr, false);
    if (!part.is_object()) return wrong(std::string(fragment.path) + " is no JSON object");
    if (auto fine = merge(document, part, ""); !fine)
      return Error{fine.error().code, fine.error().message + " (" + std::string(fragment.path) + ")"};
  }
  for (const char* needed : {"openapi", "info", "paths"})
    if (!document.contains(needed)) return wrong(std::string("it has no ") + needed);
  return document;
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

}  // namespace

Result<std::shared_ptr<const OpenApi>> OpenApi::load(const std::vector<EmbeddedFile>& fragments) {
  auto document = merged(fragments);
  if (!document) return document.error();
  std::shared_ptr<OpenApi> api(new OpenApi);
  for (const auto& [path, item] : document->at("paths").items()) {
    for (const auto& [method, definition] : item.items()) {
      auto operation = Operation::make(definition, *document, !path.starts_with("/api/"));
      if (!operation) return Error{operation.error().code, operation.error().message + " (" + method + " " + path + ")"};
      api->operations_[{upper(method), path}] = std::move(*operation);
    }
  }
  api->text_ = document->dump();
  return std::shared_ptr<const OpenApi>(std::move(api));
}

const Operation* OpenApi::find(std::string_view method, std::string_view path) const {
  const auto at = operations_.find(Key(method, path));
  return at == operations_.end() ? nullptr : at->second.get();
}

}  // namespace repartee::api
