#include "persistence/retention.hpp"
#include "persistence/turn_recorder.hpp"
#include "tests/persistence/cluster_fixture.hpp"

namespace repartee::persistence::test {
namespace {

constexpr Statement count_lines{"t_audit_lines", "SELECT count(*) AS v FROM audit_logs WHERE action = $1"};
constexpr Statement has_partition{"t_audit_partition", "SELECT to_regclass($1) IS NOT NULL AS v"};

class AuditTest : public StoreTest {
 protected:
  AuditTest() : action_("test." + new_uuid()) {}
  Errc code(Database& database, const char* sql, const Params& params = Params()) {
    const auto name = "t_probe" + new_uuid();
    const auto status = database.run([&](Transaction& t) { t.exec({name.c_str(), sql}, params); }, {.user_id = user_});
    return status ? Errc::ok : status.error().code;
  }
  std::string action_;
};

TEST_F(AuditTest, CanBeAddedToAndNotChangedByAnyRoleOfTheServer) {
  Metrics own_metrics;
  TurnRecorder recorder(recorder_db_, {}, own_metrics);
  auto line = audit_of(user_, action_);
  line.resource = "/api/v1/me";
  line.success = false;
  line.ip_address = "203.0.113.7";
  line.user_agent = "curl/8";
  line.metadata_json = R"({"status": 403})";
  ASSERT_TRUE(recorder.record_audit(line));
  ASSERT_TRUE(recorder.wait_until_idle(std::chrono::seconds(20)));
  EXPECT_EQ(
      scalar(
          {"t_audit_line",
           "SELECT resource || ' ' || result || ' ' || ip_address || ' ' || user_agent || ' ' || (metadata->>'status') AS v FROM audit_logs"
           " WHERE action = $1 AND user_id = $2"},
          Params(action_, user_)),
      "/api/v1/me failure 203.0.113.7 curl/8 403");
  for (Database* database : {&app_, &recorder_db_}) {
    EXPECT_EQ(code(*database, "UPDATE audit_logs SET action = 'x' WHERE action = $1", Params(action_)), Errc::permission_denied);
    EXPECT_EQ(code(*database, "DELETE FROM audit_logs WHERE action = $1", Params(action_)), Errc::permission_denied);
    EXPECT_EQ(code(*database, "TRUNCATE audit_logs"), Errc::permission_denied);
    EXPECT_NE(code(*database, "DROP TABLE audit_logs"), Errc::ok);
    EXPECT_EQ(code(*database, "SELECT audit_logs_drop_partitions(now(), false)"), Errc::permission_denied);
  }
  EXPECT_EQ(scalar(count_lines, Params(action_)), "1");
}

TEST_F(AuditTest, HasItsPartitionsMadeAhead) {
  Retention retention(owner_, {}, {});
  const auto next =
      scalar({"t_next_month", "SELECT 'audit_logs_' || to_char((now() AT TIME ZONE 'UTC') + interval '2 months', 'YYYY_MM') AS v"});
  const auto drop = "DROP TABLE IF EXISTS " + next;
  ASSERT_TRUE(owner_.run([&](Transaction& t) { t.exec({"t_drop_ahead", drop.c_str()}); }));
  EXPECT_EQ(scalar(has_partition, Params(next)), "f");
  ASSERT_TRUE(retention.make_audit_partitions());
  EXPECT_EQ(scalar(has_partition, Params(next)), "t");
}

TEST_F(AuditTest, IsKeptByWholeMonthsAndDroppedAfterwards) {
  const auto month_ago = [&](int months) {
    return scalar({"t_month", "SELECT to_char((now() AT TIME ZONE 'UTC') - $1::integer * interval '1 month', 'YYYY_MM') AS v"},
                  Params(months));
  };
  for (const int months : {30, 20})
    ASSERT_TRUE(owner_.run([&](Transaction& t) {
      t.exec({"t_make_old", "SELECT audit_logs_make_partition(now() - $1::integer * interval '1 month')"}, Params(months));
      t.exec({"t_old_line",
              "INSERT INTO audit_logs (id, action, result, timestamp) VALUES (gen_random_uuid(), $1, 'success', now() - $2::integer * "
              "interval '1 month')"},
             Params(action_, months));
    }));
  Retention retention(owner_, {}, {});
  const auto dry = retention.sweep(true);
  ASSERT_TRUE(dry) << dry.error().message;
  const auto counted = std::find_if(dry->begin(), dry->end(), [](const auto& swept) { return swept.what == "audit_logs partitions"; });
  ASSERT_NE(counted, dry->end());
  EXPECT_EQ(counted->rows, 1);
  EXPECT_EQ(scalar(count_lines, Params(action_)), "2") << "a dry run only counts";
  ASSERT_TRUE(retention.sweep(false));
  EXPECT_EQ(scalar(has_partition, Params("audit_logs_" + month_ago(30))), "f");
  EXPECT_EQ(scalar(has_partition, Params("audit_logs_" + month_ago(20))), "t");
  EXPECT_EQ(scalar(count_lines, Params(action_)), "1");
}

}  // namespace
}  // namespace repartee::persistence::test
