#include <set>

#include "api/json_fields.hpp"
#include "api/schema.hpp"
#include "tests/api/live_api.hpp"

namespace repartee::test {
namespace {

class Description : public LiveApi {};

TEST_F(Description, HasAnOperationForEveryRouteAndARouteForEveryOperation) {
  std::set<std::pair<std::string, std::string>> routes, operations;
  for (const auto& route : router->routes()) EXPECT_TRUE(routes.insert(route).second) << route.first << " " << route.second << " twice";
  for (const auto& [key, operation] : openapi->operations()) operations.insert(key);
  for (const auto& [method, path] : routes)
    EXPECT_TRUE(operations.contains({method, path})) << method << " " << path << " is not described";
  for (const auto& [method, path] : operations)
    EXPECT_TRUE(routes.contains({method, path})) << method << " " << path << " is described, but not there";
}

TEST_F(Description, HasExamplesThatFitTheirSchemas) {
  for (const auto& [key, operation] : openapi->operations()) {
    const auto fine = operation->check_examples();
    EXPECT_TRUE(fine) << key.first << " " << key.second << ": " << fine.error().message;
  }
}

TEST_F(Description, IsServedToAnybody) {
  const Json document = get("/api/openapi.json", nobody);
  EXPECT_EQ(document.at("openapi"), "3.1.0");
  std::set<std::string> ids;
  for (const auto& [path, item] : document.at("paths").items())
    for (const auto& [method, operation] : item.items()) {
      EXPECT_TRUE(ids.insert(operation.at("operationId")).second) << operation.at("operationId");
      EXPECT_FALSE(operation.at("summary").get<std::string>().empty());
      EXPECT_FALSE(operation.at("tags").empty());
    }
}

// Path parameters stand in the pattern and in the description alike.
TEST_F(Description, NamesEveryPathParameter) {
  const Json document = get("/api/v1/openapi.json", nobody);
  for (const auto& [path, item] : document.at("paths").items())
    for (const auto& [method, operation] : item.items()) {
      std::size_t described = 0;
      const auto resolved = api::resolve(operation, document);
      ASSERT_TRUE(resolved);
      const auto parameters = resolved->value("parameters", Json::array());
      for (const auto& parameter : parameters)
        if (parameter.at("in") == "path") {
          ++described;
          EXPECT_NE(path.find("{" + parameter.at("name").get<std::string>() + "}"), std::string::npos) << path;
        }
      EXPECT_EQ(described, static_cast<std::size_t>(std::count(path.begin(), path.end(), '{'))) << method << " " << path;
    }
}

}  // namespace
}  // namespace repartee::test
