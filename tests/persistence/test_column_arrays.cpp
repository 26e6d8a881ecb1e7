#include "persistence/column_arrays.hpp"

#include "tests/persistence/cluster_fixture.hpp"

namespace repartee::persistence::test {
namespace {

constexpr Statement take_apart{"t_take_apart", R"(
  SELECT coalesce(a, '<null>') || '|' || coalesce(b::text, '<null>') || '|' || coalesce(c::text, '<null>') || '|' || coalesce(d::text, '<null>') AS v
  FROM unnest($1::text[], $2::bigint[], $3::double precision[], $4::timestamptz[]) AS t(a, b, c, d))"};

class ColumnArraysTest : public StoreTest {
 protected:
  std::vector<std::string> read_back(ColumnArrays arrays) {
    auto rows = app_.run([&](Transaction& t) { return t.exec(take_apart, std::move(arrays).to_params()); });
    EXPECT_TRUE(rows) << rows.error().message;
    std::vector<std::string> out;
    if (rows)
      for (const auto& row : *rows) out.push_back(row.text("v"));
    return out;
  }
};

TEST_F(ColumnArraysTest, BringsEveryKindOfValueThere) {
  ColumnArrays arrays(4);
  const auto time = WallTime(std::chrono::microseconds(1'700'000'000'123'456));
  arrays.add_row("one", 1, 0.5, time);
  arrays.add_row(std::optional<std::string>(), std::optional<std::int64_t>(), std::optional<double>(), std::optional<WallTime>());
  arrays.add_row("", std::int64_t{-1} << 60, 1e300, std::optional(time));
  EXPECT_EQ(read_back(std::move(arrays)),
            (std::vector<std::string>{"one|1|0.5|2023-11-14 22:13:20.123456+00", "<null>|<null>|<null>|<null>",
                                      "|-1152921504606846976|1e+300|2023-11-14 22:13:20.123456+00"}));
}

TEST_F(ColumnArraysTest, LetsNoTextBreakOut) {
  const std::vector<std::string> hostile = {R"("},{")", R"(\)", R"(\")", "NULL", "{}", ",", " a ", "'; DROP TABLE users; --", "line\nbreak\ttab", "žluťoučký 🐎"};
  ColumnArrays arrays(4);
  for (const auto& text : hostile) arrays.add_row(text, 0, 0.0, WallTime());
  const auto back = read_back(std::move(arrays));
  ASSERT_EQ(back.size(), hostile.size());
  for (std::size_t i = 0; i < hostile.size(); ++i) EXPECT_EQ(back[i].substr(0, back[i].find('|')), hostile[i]);
}

TEST_F(ColumnArraysTest, MendsTextThatPostgresCannotHold) {
  ColumnArrays arrays(4);
  arrays.add_row(std::string("a\0b\xff\"", 5), 0, 0.0, WallTime());
  EXPECT_EQ(read_back(std::move(arrays)).at(0).substr(0, 9), "a\xef\xbf\xbd" "b\xef\xbf\xbd\"");
}

}  // namespace
}  // namespace repartee::persistence::test
