#include "api/schema.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/operation.hpp"
#include "api/request_body.hpp"

namespace repartee::test {
namespace {

using Json = nlohmann::json;

const Json thing_schema = Json::parse(R"({
  "type": "object", "required": ["name"], "additionalProperties": false,
  "properties": {
    "name": {"type": "string", "minLength": 1, "maxLength": 5},
    "size": {"type": ["integer", "null"], "minimum": 1, "maximum": 9},
    "kind": {"enum": ["red", "blue"]},
    "id": {"type": "string", "format": "uuid"},
    "at": {"type": "string", "format": "date-time"},
    "tags": {"type": "array", "maxItems": 2, "items": {"type": "string"}},
    "inner": {"type": "object", "additionalProperties": false, "properties": {"a/b": {"type": "boolean"}}},
    "either": {"oneOf": [{"type": "string"}, {"type": "integer"}]}
  }})");

std::string fault_of(const char* text) {
  static const auto schema = api::Schema::compile(thing_schema);
  EXPECT_TRUE(schema);
  const auto fault = schema->check(Json::parse(text));
  return fault ? fault->pointer + " " + fault->message : "";
}

TEST(Schema, PassesWhatFits) {
  EXPECT_EQ(
      fault_of(R"({"name":"äöüßx","size":null,"kind":"red","id":"0192F0C1-0000-7000-8000-000000000001","at":"2024-02-29T23:59:59.5+02:00",
                         "tags":["a","b"],"inner":{"a/b":true},"either":3})"),
      "");
}

TEST(Schema, SaysInWordsWhatDoesNotFit) {
  EXPECT_EQ(fault_of("[]"), " must be an object, not an array");
  EXPECT_EQ(fault_of("{}"), "/name is missing");
  EXPECT_EQ(fault_of(R"({"name":""})"), "/name must not be empty");
  EXPECT_EQ(fault_of(R"({"name":"äöüßxy"})"), "/name must have at most 5 characters, it has 6");
  EXPECT_EQ(fault_of(R"({"name":3})"), "/name must be a string, not an integer");
  EXPECT_EQ(fault_of(R"({"name":"a","size":1.5})"), "/size must be an integer or null, not a number");
  EXPECT_EQ(fault_of(R"({"name":"a","size":10})"), "/size must be from 1 to 9");
  EXPECT_EQ(fault_of(R"({"name":"a","kind":"green"})"), "/kind must be one of: red, blue");
  EXPECT_EQ(fault_of(R"({"name":"a","id":"1'; DROP TABLE users"})"), "/id must be a UUID");
  EXPECT_EQ(fault_of(R"({"name":"a","tags":["a","b","c"]})"), "/tags must have at most 2 items");
  EXPECT_EQ(fault_of(R"({"name":"a","tags":["a",2]})"), "/tags/1 must be a string, not an integer");
  EXPECT_EQ(fault_of(R"({"name":"a","inner":{"a/b":1}})"), "/inner/a~1b must be a boolean, not an integer");
  EXPECT_EQ(fault_of(R"({"name":"a","nmae":"b"})").find("/nmae is not known; known here: at, either"), 0u);
  EXPECT_NE(fault_of(R"({"name":"a","either":true})"), "");
}

TEST(Schema, KnowsDates) {
  for (const char* wrong :
       {"2023-02-29T00:00:00Z", "2024-13-01T00:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01 00:00:00Z", "2024-01-01T00:00:00",
        "2024-01-01T00:00:00.Z", "2024-01-01T00:00:00+0200", "", "now", "2024-01-01T00:00:00Zx", "0000-01-01T00:00:00Z"})
    EXPECT_NE(fault_of((R"({"name":"a","at":")" + std::string(wrong) + R"("})").c_str()), "") << wrong;
}

TEST(Schema, RefusesWhatItWouldNotCheck) {
  EXPECT_FALSE(api::Schema::compile(Json{{"type", "string"}, {"pattern", "a+"}}));
  EXPECT_TRUE(api::Schema::compile(Json{{"type", "object"}, {"properties", {{"pattern", {{"type", "string"}}}}}}));  // a name, no keyword
  EXPECT_FALSE(api::resolve(Json{{"$ref", "#/nowhere"}}, Json::object()));
  EXPECT_FALSE(api::resolve(Json{{"$ref", "#/a"}}, Json{{"a", {{"$ref", "#/a"}}}}));
}

std::string body_fault(const std::string& text, api::JsonLimits limits = {}) {
  Json out;
  const auto fault = api::parse_json_body(text, limits, out);
  return fault ? fault->pointer + "|" + fault->message : "";
}

TEST(JsonBody, IsBoundedBeforeItIsRead) {
  const std::string deep(100'000, '[');
  EXPECT_EQ(body_fault(deep), "|the body is nested deeper than 32 levels");
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  EXPECT_EQ(body_fault(objects), "|the body is nested deeper than 32 levels");
  EXPECT_EQ(body_fault("[" + std::string(200'000, ',')), "|the body has more than 100000 values");
  EXPECT_EQ(body_fault("[1]", {.bytes_max = 2}), "|the body is larger than 2 bytes");
  EXPECT_EQ(body_fault("{\"a\":\"" + deep + "\"}"), "");  // inside a text it is only text
}

TEST(JsonBody, SaysWhereTheSyntaxEnds) {
  EXPECT_EQ(body_fault("{\n  \"a\": 1,\n}"), "|the body is not JSON: see line 3, column 1");
  for (const char* wrong : {"{", "nul", "\"", "{\"a\" 1}", "[1,]", "1 2", "{'a':1}", "\xEF\xBB", "[\"\\ud800\"]", "[\"\t\"]"})
    EXPECT_NE(body_fault(wrong), "") << wrong;
}

TEST(JsonBody, RefusesNulAndWhatIsNoUtf8) {
  EXPECT_EQ(body_fault(R"({"a":["x\u0000y"]})"), "/a/0|a text may not hold the character U+0000");
  EXPECT_NE(body_fault(R"({"a\u0000b":1})"), "");
  for (const char* wrong : {"\"\xff\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xe2\x82\""})
    EXPECT_EQ(body_fault(wrong), "|the body is not valid UTF-8");
  EXPECT_EQ(body_fault("\"\xf0\x9f\x98\x80 \xe2\x82\xac\""), "");
}

// ---- operations ----

const Json document = Json::parse(
    R"({"components": {"schemas": {"Name": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}}}})");
const Json definition = Json::parse(R"({
  "operationId": "op",
  "parameters": [
    {"name": "id", "in": "path", "required": true, "schema": {"type": "string", "format": "uuid"}},
    {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 200}},
    {"name": "exact", "in": "query", "schema": {"type": "boolean"}},
    {"name": "near", "in": "query", "schema": {"type": "number"}}],
  "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Name"}}, "multipart/form-data": {}}},
  "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Name"}}}}, "204": {}, "default": {"content": {"application/json": {}}}}
})");
constexpr const char* some_id = "0192f0c1-0000-7000-8000-000000000001";

std::string refusal_of(std::map<std::string, std::string> query, const std::string& body = R"({"name":"a"})",
                       const std::string& type = "application/json; charset=utf-8", const std::string& id = some_id, bool lenient = false) {
  const auto operation = api::Operation::make(definition, document, lenient);
  EXPECT_TRUE(operation);
  std::shared_ptr<const Json> parsed;
  const auto refusal =
      (*operation)
          ->check({.method = "POST", .query = std::move(query), .headers = {{"content-type", type}}, .body = body}, {{"id", id}}, parsed);
  return refusal ? std::to_string(refusal->status) + " " + refusal->param + ": " + refusal->error.message : "";
}

TEST(Operation, ChecksParameters) {
  EXPECT_EQ(refusal_of({{"limit", "7"}, {"exact", "true"}, {"near", "-1.5e3"}}), "");
  EXPECT_EQ(refusal_of({{"limit", "0"}}), "400 limit: limit must be from 1 to 200");
  for (const char* wrong : {"x", "", "5x", " 5", "1.5", "99999999999999999999"})
    EXPECT_EQ(refusal_of({{"limit", wrong}}), "400 limit: limit must be a whole number");
  EXPECT_EQ(refusal_of({{"exact", "maybe"}}), "400 exact: exact must be true or false");
  for (const char* wrong : {"nan", "inf", "1e999", "x"}) EXPECT_EQ(refusal_of({{"near", wrong}}), "400 near: near must be a number");
  EXPECT_EQ(refusal_of({{"limti", "1"}}), "400 limti: there is no query parameter of this name here; possible: limit, exact, near");
  EXPECT_EQ(refusal_of({{"limti", "1"}}, R"({"name":"a"})", "application/json", some_id, true), "");
  EXPECT_EQ(refusal_of({}, R"({"name":"a"})", "application/json", "7"), "400 id: id must be a UUID");
  EXPECT_EQ(refusal_of({}, R"({"name":"a"})", "application/json", std::string("\xff")), "400 id: id must be valid UTF-8 without NUL");
}

TEST(Operation, ChecksTheBody) {
  EXPECT_EQ(refusal_of({}, ""), "400 : a body of type application/json is missing");
  EXPECT_EQ(refusal_of({}, "a=b", "application/x-www-form-urlencoded"),
            "415 Content-Type: Content-Type must be application/json or multipart/form-data");
  EXPECT_EQ(refusal_of({}, "whatever", "Multipart/Form-Data; boundary=x"), "");
  EXPECT_EQ(refusal_of({}, "{}"), "400 /name: name is missing");
  EXPECT_EQ(refusal_of({}, "7"), "400 : the body must be an object, not an integer");
}

TEST(Operation, ChecksAnswers) {
  auto made = api::Operation::make(definition, document, false);
  ASSERT_TRUE(made);
  const auto operation = std::move(*made);
  const std::map<std::string, std::string> json{{"Content-Type", "application/json"}};
  EXPECT_TRUE(operation->check_response({200, json, R"({"name":"a"})"}));
  EXPECT_FALSE(operation->check_response({200, json, R"({"nam":"a"})"}));
  EXPECT_FALSE(operation->check_response({200, {{"Content-Type", "text/plain"}}, R"({"name":"a"})"}));
  EXPECT_FALSE(operation->check_response({201, json, R"({"name":"a"})"}));
  EXPECT_TRUE(operation->check_response({404, json, "{}"}));
  EXPECT_TRUE(operation->check_response({204, {}, ""}));
  EXPECT_FALSE(operation->check_response({204, json, "{}"}));
}

}  // namespace
}  // namespace repartee::test
