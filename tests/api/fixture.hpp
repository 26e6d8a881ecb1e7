// A router without a network: what a request is answered.
#pragma once
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/router.hpp"
#include "tests/support/manual_loop.hpp"

namespace repartee::test {

using Json = nlohmann::json;

class ApiTest : public testing::Test {
 protected:
  static std::shared_ptr<const auth::Auth> make_auth(const auth::Options& options) {
    auto made = auth::Auth::create(options);
    EXPECT_TRUE(made);
    return std::make_shared<auth::Auth>(std::move(*made));
  }
  transport::Response ask(const std::string& method, const std::string& path, std::map<std::string, std::string> headers = {},
                          std::map<std::string, std::string> query = {}) {
    headers.emplace("host", "localhost:8080");
    std::vector<transport::Response> answers;
    router.handle(loop,
                  {.method = method,
                   .target = path,
                   .path = path,
                   .query = std::move(query),
                   .headers = std::move(headers),
                   .body = "",
                   .remote_address = "127.0.0.1"},
                  [&](transport::Response response) { answers.push_back(std::move(response)); });
    EXPECT_EQ(answers.size(), 1u);
    return answers.empty() ? transport::Response{.status = 0, .headers = {}, .body = {}} : answers[0];
  }
  Json ask_json(const std::string& path, int status = 200) {
    const auto response = ask("GET", path);
    EXPECT_EQ(response.status, status);
    return Json::parse(response.body);
  }

  ManualLoop loop;
  api::Router router{
      make_auth({.keys = {{.name = "test", .key = "sk-test", .user_id = "u1"}}, .allowed_origins = {"https://friend.test"}})};
};

}  // namespace repartee::test
