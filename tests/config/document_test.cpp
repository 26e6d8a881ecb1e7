#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "config/keys.hpp"
#include "config/load.hpp"
#include "config/suggest.hpp"
#include "config/values.hpp"
#include "tests/config/temporary_file.hpp"

namespace repartee::config {
namespace {

const Environment home = {{"HOME", "/h"}};

TEST(DefaultToml, IsTheCommittedFile) {
  std::ifstream file(REPARTEE_SOURCE_DIR "/config/default.toml");
  std::stringstream committed;
  committed << file.rdbuf();
  EXPECT_EQ(committed.str(), default_toml()) << "write it anew: repartee check-config --defaults > config/default.toml";
}

TEST(DefaultToml, LoadsToTheDefaults) {
  const testing_support::TemporaryFile file(default_toml());
  const auto from_file = load({.file = file.path(), .environment = home, .flags = {}});
  const auto from_nothing = load({.file = {}, .environment = home, .flags = {}});
  ASSERT_TRUE(from_file) << from_file.error().message;
  const auto a = effective(*from_file), b = effective(*from_nothing);
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].key, b[i].key);
    EXPECT_EQ(a[i].value, b[i].value) << a[i].key;
  }
}

TEST(DefaultToml, SetsEveryKeyOrShowsItInAnExample) {
  const std::string text = default_toml();
  for (const Key& key : keys()) {
    if (key.name == "*") continue;
    EXPECT_NE(text.find("\n" + std::string(key.example.empty() ? "" : "# ") + std::string(key.name) + " = "), std::string::npos)
        << key.name;
  }
}

TEST(Keys, AllHaveASectionAndTheirOwnVariable) {
  std::set<std::string> variables, documented;
  for (const Section& section : sections()) documented.emplace(section.name);
  for (const Key& key : keys()) {
    EXPECT_TRUE(documented.count(std::string(key.section))) << key.section;
    const std::string which = key.section.ends_with("[]") ? "0" : "some";
    const auto found = find_key(section_of(key, which), name_of(key, which));
    ASSERT_TRUE(found) << path_of(key, which);
    EXPECT_EQ(found->key, &key) << path_of(key, which);
    const auto variable = variable_of(key, which);
    if (!variable) continue;
    EXPECT_TRUE(variables.insert(*variable).second) << *variable;
    const auto by_variable = find_variable(*variable);
    ASSERT_TRUE(by_variable) << *variable;
    EXPECT_EQ(by_variable->key, &key) << *variable;
  }
}

TEST(Keys, HaveDefaultsThatAreAllowed) {
  const Settings defaults;
  for (const Key& key : keys()) {
    for (const std::string& which : instances(defaults, key)) {
      std::string value = print_value(defaults, key, which);
      if (value.starts_with('[')) value = value.substr(1, value.size() - 2);
      if (value.starts_with('"')) value = value.substr(1, value.size() - 2);
      const auto raw = parse_text(key, value);
      ASSERT_TRUE(raw) << path_of(key, which);
      Settings changed;
      EXPECT_TRUE(assign(changed, {&key, which}, *raw)) << path_of(key, which) << " = " << value;
    }
  }
}

TEST(Effective, MasksSecretsAndSaysWhereAValueCameFrom) {
  Environment environment = home;
  environment["REPARTEE_LLM_OPENAI_API_KEY"] = "sk-secret";
  environment["DATABASE_URL"] = "postgresql://u:hidden@h/db";
  environment["REPARTEE_AUTH_API_KEY"] = "not-to-be-seen-anywhere";
  const auto loaded = load({.file = {}, .environment = environment, .flags = {{"log.level", "warn", "--log-level"}}});
  ASSERT_TRUE(loaded) << loaded.error().message;
  std::map<std::string, Effective> by_key;
  for (const Effective& one : effective(*loaded)) {
    by_key[one.key] = one;
    for (const char* secret : {"sk-secret", "hidden", "not-to-be-seen"}) EXPECT_EQ(one.value.find(secret), std::string::npos) << one.key;
  }
  EXPECT_EQ(by_key["llm.openai.api_key"].value, "\"***\"");
  EXPECT_EQ(by_key["llm.openai.api_key"].origin, "REPARTEE_LLM_OPENAI_API_KEY");
  EXPECT_EQ(by_key["auth.api_keys[0].key"].origin, "REPARTEE_AUTH_API_KEY");
  EXPECT_EQ(by_key["database.url"].origin, "DATABASE_URL");
  EXPECT_EQ(by_key["log.level"].value, "\"warn\"");
  EXPECT_EQ(by_key["log.level"].origin, "--log-level");
  EXPECT_EQ(by_key["opus.complexity"].origin, "default");
}

TEST(DidYouMean, OffersOnlyWhatIsNear) {
  EXPECT_EQ(did_you_mean("provder", {"voice", "provider"}), "; did you mean provider?");
  EXPECT_EQ(did_you_mean("banana", {"voice", "provider"}), "");
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
}

}  // namespace
}  // namespace repartee::config
