#include "api/operation.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "api/schema.hpp"

namespace repartee::api {
namespace {

using Json = nlohmann::json;
constexpr const char* json_type = "application/json";

struct Parameter {
  std::string name, type;
  bool in_path = false, required = false;
  Schema schema;
  Json example;
};

struct Content {
  std::string type;  // "application/json"
  std::optional<Schema> schema;
  std::vector<Json> examples;
};

struct Answer {
  std::string status;  // "200", "default"
  std::vector<Content> contents;
};

std::string media_type_of(std::string_view header) {
  std::string type(header.substr(0, header.find(';')));
  while (!type.empty() && type.back() == ' ') type.pop_back();
  std::transform(type.begin(), type.end(), type.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return type;
}

std::optional<Json> number_of(const std::string& text, bool whole) {
  std::int64_t integer = 0;
  const char* end = text.data() + text.size();
  if (const auto [rest, error] = std::from_chars(text.data(), end, integer); error == std::errc() && rest == end) return integer;
  double real = 0;
  if (const auto [rest, error] = std::from_chars(text.data(), end, real); !whole && error == std::errc() && rest == end && real - real == 0)
    return real;
  return std::nullopt;
}

// A parameter's text as its schema's type; nullopt: it is none.
std::optional<Json> typed(const std::string& type, const std::string& text) {
  if (type == "integer" || type == "number") return number_of(text, type == "integer");
  if (type != "boolean") return Json(text);
  if (text == "true" || text == "1") return true;
  if (text == "false" || text == "0") return false;
  return std::nullopt;
}

std::string expected(const std::string& type) {
  return type == "integer" ? "must be a whole number" : type == "number" ? "must be a number" : "must be true or false";
}

Refusal refused(std::string message, std::string param, int status = 400) {
  return {status, {Errc::invalid_argument, std::move(message)}, std::move(param)};
}

std::optional<Refusal> check_text(const Parameter& parameter, const std::string& text) {
  if (!is_clean_text(text)) return refused(parameter.name + " must be valid UTF-8 without NUL", parameter.name);
  const auto value = typed(parameter.type, text);
  if (!value) return refused(parameter.name + " " + expected(parameter.type), parameter.name);
  if (const auto fault = parameter.schema.check(*value)) return refused(parameter.name + " " + fault->message, parameter.name);
  return std::nullopt;
}

Refusal in_body(const Fault& fault) {
  return refused((fault.pointer.empty() ? "the body" : fault.pointer.substr(1)) + " " + fault.message, fault.pointer);
}

Result<std::vector<Content>> contents_of(const Json& definition) {
  std::vector<Content> contents;
  const Json all = definition.value("content", Json::object());
  for (const auto& [type, media] : all.items()) {
    Content content{.type = type, .schema = std::nullopt, .examples = {}};
    if (type == json_type && media.contains("schema")) {
      auto schema = Schema::compile(media["schema"]);
      if (!schema) return schema.error();
      content.schema = std::move(*schema);
    }
    if (media.contains("example")) content.examples.push_back(media["example"]);
    const auto examples = media.value("examples", Json::object());
    for (const auto& [name, example] : examples.items()) content.examples.push_back(example.at("value"));
    contents.push_back(std::move(content));
  }
  return contents;
}

Status check_examples_of(const std::vector<Content>& contents, const std::string& where) {
  for (const auto& content : contents)
    for (const auto& example : content.examples)
      if (const auto fault = content.schema ? content.schema->check(example) : std::nullopt)
        return Error{Errc::internal, "the example of " + where + ": " + fault->pointer + " " + fault->message};
  return {};
}

}  // namespace

struct Operation::Impl {
  std::string id;
  bool lenient = false;
  std::vector<Parameter> parameters;
  std::optional<std::vector<Content>> body;
  bool body_required = false;
  std::vector<Answer> answers;

  Status read(const Json& definition);
  Status read_parameter(const Json& definition);
  std::optional<Refusal> check_query(const transport::Request& request) const;
  std::optional<Refusal> check_body(const transport::Request& request, std::shared_ptr<const Json>& parsed) const;
};

Status Operation::Impl::read_parameter(const Json& definition) {
  const auto place = definition.at("in").get<std::string>();
  if (place == "header") return {};
  const Json& schema = definition.at("schema");
  auto compiled = Schema::compile(schema);
  if (!compiled) return compiled.error();
  parameters.push_back({.name = definition.at("name"),
                        .type = schema.value("type", "string"),
                        .in_path = place == "path",
                        .required = definition.value("required", false),
                        .schema = std::move(*compiled),
                        .example = definition.value("example", Json())});
  return {};
}

Status Operation::Impl::read(const Json& definition) {
  id = definition.at("operationId");
  const auto all = definition.value("parameters", Json::array());
  for (const auto& parameter : all)
    if (auto fine = read_parameter(parameter); !fine) return fine;
  if (definition.contains("requestBody")) {
    auto contents = contents_of(definition["requestBody"]);
    if (!contents) return contents.error();
    body = std::move(*contents);
    body_required = definition["requestBody"].value("required", false);
  }
  for (const auto& [status, answer] : definition.at("responses").items()) {
    auto contents = contents_of(answer);
    if (!contents) return contents.error();
    answers.push_back({status, std::move(*contents)});
  }
  return {};
}

std::optional<Refusal> Operation::Impl::check_query(const transport::Request& request) const {
  for (const auto& [name, text] : request.query) {
    if (!is_clean_text(name)) return refused("a query parameter's name must be valid UTF-8 without NUL", "");
    const auto known = std::find_if(parameters.begin(), parameters.end(), [&name = name](const Parameter& p) { return !p.in_path && p.name == name; });
    if (known != parameters.end()) {
      if (auto refusal = check_text(*known, text)) return refusal;
    } else if (!lenient) {
      std::string names;
      for (const auto& parameter : parameters)
        if (!parameter.in_path) names += (names.empty() ? "; possible: " : ", ") + parameter.name;
      return refused("there is no query parameter of this name here" + names, name.substr(0, 100));
    }
  }
  for (const auto& parameter : parameters)
    if (!parameter.in_path && parameter.required && !request.query.contains(parameter.name))
      return refused(parameter.name + " is missing", parameter.name);
  return std::nullopt;
}

std::optional<Refusal> Operation::Impl::check_body(const transport::Request& request, std::shared_ptr<const Json>& parsed) const {
  if (!body) return std::nullopt;
  if (request.body.empty())
    return body_required ? std::optional(refused("a body of type " + body->front().type + " is missing", "")) : std::nullopt;
  const auto type = media_type_of(request.header("content-type"));
  const auto content = std::find_if(body->begin(), body->end(), [&](const Content& c) { return c.type == type; });
  if (content == body->end()) {
    std::string types;
    for (const auto& possible : *body) types += (types.empty() ? "" : " or ") + possible.type;
    return refused("Content-Type must be " + types, "Content-Type", 415);
  }
  if (!content->schema) return std::nullopt;
  auto value = std::make_shared<Json>();
  if (auto fault = parse_json_body(request.body, {}, *value)) return refused(fault->message, fault->pointer);
  if (const auto fault = content->schema->check(*value)) return in_body(*fault);
  parsed = std::move(value);
  return std::nullopt;
}

Operation::Operation(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Operation::~Operation() = default;

Result<std::unique_ptr<Operation>> Operation::make(const Json& definition, const Json& document, bool lenient) {
  auto resolved = resolve(definition, document);
  if (!resolved) return resolved.error();
  auto impl = std::make_unique<Impl>();
  impl->lenient = lenient;
  try {
    if (auto fine = impl->read(*resolved); !fine) return Error{fine.error().code, impl->id + ": " + fine.error().message};
  } catch (const Json::exception& e) { return Error{Errc::internal, "description of the HTTP interface, " + impl->id + ": " + e.what()}; }
  return std::unique_ptr<Operation>(new Operation(std::move(impl)));
}

std::optional<Refusal> Operation::check(const transport::Request& request, const std::map<std::string, std::string>& path_params,
                                        std::shared_ptr<const Json>& body) const {
  for (const auto& parameter : impl_->parameters) {
    const auto given = path_params.find(parameter.name);
    if (!parameter.in_path || given == path_params.end()) continue;
    if (auto refusal = check_text(parameter, given->second)) return refusal;
  }
  if (auto refusal = impl_->check_query(request)) return refusal;
  return impl_->check_body(request, body);
}

Status Operation::check_response(const transport::Response& response) const {
  const auto wrong = [&](const std::string& why) {
    return Error{Errc::internal, impl_->id + ", status " + std::to_string(response.status) + ": " + why};
  };
  const auto named = [&](const std::string& status) {
    return std::find_if(impl_->answers.begin(), impl_->answers.end(), [&](const Answer& answer) { return answer.status == status; });
  };
  auto answer = named(std::to_string(response.status));
  if (answer == impl_->answers.end() && response.status >= 400) answer = named("default");
  if (answer == impl_->answers.end()) return wrong("not documented");
  if (answer->contents.empty()) return response.body.empty() ? Status() : wrong("a body where none is documented");
  const auto header = response.headers.find("Content-Type");
  const auto type = header == response.headers.end() ? "" : media_type_of(header->second);
  const auto content = std::find_if(answer->contents.begin(), answer->contents.end(), [&](const Content& c) { return c.type == type; });
  if (content == answer->contents.end()) return wrong("content type '" + type + "' is not documented");
  if (!content->schema) return {};
  const auto value = Json::parse(response.body, nullptr, false);
  if (value.is_discarded()) return wrong("the body is no JSON");
  if (const auto fault = content->schema->check(value)) return wrong("'" + fault->pointer + "' " + fault->message);
  return {};
}

Status Operation::check_examples() const {
  for (const auto& parameter : impl_->parameters)
    if (const auto fault = parameter.example.is_null() ? std::nullopt : parameter.schema.check(parameter.example))
      return Error{Errc::internal, "the example of " + impl_->id + ", " + parameter.name + ": " + fault->message};
  if (impl_->body)
    if (auto fine = check_examples_of(*impl_->body, impl_->id); !fine) return fine;
  for (const auto& answer : impl_->answers)
    if (auto fine = check_examples_of(answer.contents, impl_->id + " " + answer.status); !fine) return fine;
  return {};
}

}  // namespace repartee::api
