#include "persistence/retention.hpp"

#include <nlohmann/json.hpp>

#include "core/log.hpp"

namespace repartee::persistence {
namespace {

constexpr Statement tables_with_column{"retention_tables", "SELECT tables_with_column($1) AS name"};
constexpr Statement delete_rows{"retention_delete", "SELECT affected, blob_keys FROM retention_delete($1, $2, $3, $4, $5)"};
constexpr Statement drop_partitions{"retention_audit", "SELECT audit_logs_drop_partitions($1, $2) AS dropped"};
constexpr Statement make_partitions{"retention_partitions", "SELECT audit_logs_make_partitions()"};
constexpr Statement find_blobs{"retention_blobs", "SELECT blobs_referenced($1::jsonb) AS key"};
constexpr Statement users_to_erase{"retention_users", "SELECT id FROM users WHERE deleted_at < $1 ORDER BY deleted_at LIMIT $2"};
constexpr Statement count_users{"retention_count_users", "SELECT count(*) AS rows FROM users WHERE deleted_at < $1"};

const Error stopped{Errc::cancelled, "stopped before the end"};

WallTime ago(std::chrono::hours age) { return std::chrono::system_clock::now() - age; }
std::chrono::hours days(int count) { return std::chrono::hours(24) * count; }

}  // namespace

Result<std::vector<Retention::Rule>> Retention::rules() {
  return database_.run([&](Transaction& t) {
    std::vector<Rule> rules;
    for (const auto& row : t.exec(tables_with_column, Params("expires_at"))) {
      const auto table = row.text("name");
      const bool credential = table == "auth_sessions" || table == "api_keys";  // their owner may still want to see that they are over
      const int kept = credential ? options_.soft_deleted_days : table == "audio_files" ? options_.expired_files_days : 0;
      rules.push_back({table, "expires_at", days(kept)});
    }
    for (const auto& row : t.exec(tables_with_column, Params("deleted_at")))
      if (row.text("name") != "users") rules.push_back({row.text("name"), "deleted_at", days(options_.soft_deleted_days)});
    rules.push_back({"conversation_sessions", "last_active_at", days(options_.conversations_days)});
    rules.push_back({"messages", "created_at", days(options_.conversations_days)});  // those typed without a session
    rules.push_back({"rate_limits", "updated_at", std::chrono::hours(options_.rate_limits_hours)});
    return rules;
  });
}

Result<std::int64_t> Retention::apply(const Rule& rule, bool dry_run, const ShouldStop& should_stop) {
  std::int64_t total = 0;
  const auto before = ago(rule.age);
  for (;;) {
    if (should_stop && should_stop()) return stopped;
    auto rows = database_.run(
        [&](Transaction& t) { return t.exec(delete_rows, Params(rule.table, rule.column, before, options_.rows_batch, dry_run)); });
    if (!rows) return rows.error();
    const auto affected = (*rows)[0].integer("affected");
    total += affected;
    const auto keys = nlohmann::json::parse((*rows)[0].text("blob_keys")).get<std::vector<std::string>>();
    if (!keys.empty() && hooks_.release_blobs) hooks_.release_blobs(keys);
    if (dry_run || affected < options_.rows_batch) return total;
  }
}

Result<std::int64_t> Retention::drop_audit(bool dry_run) {
  return database_.run(
      [&](Transaction& t) { return t.exec(drop_partitions, Params(ago(days(options_.audit_days)), dry_run))[0].integer("dropped"); });
}

Result<std::int64_t> Retention::erase_users(bool dry_run, const ShouldStop& should_stop) {
  const auto before = ago(days(options_.soft_deleted_days));
  if (dry_run || !hooks_.erase_user)
    return database_.run([&](Transaction& t) { return hooks_.erase_user ? t.exec(count_users, Params(before))[0].integer("rows") : 0; });
  auto users = database_.run([&](Transaction& t) { return t.exec(users_to_erase, Params(before, options_.rows_batch)); });
  if (!users) return users.error();
  std::int64_t erased = 0;
  for (const auto& user : *users) {
    if (should_stop && should_stop()) return stopped;
    if (auto done = hooks_.erase_user(user.text("id")); !done) return done.error();
    ++erased;
  }
  return erased;
}

Result<std::vector<Retention::Swept>> Retention::sweep(bool dry_run, const ShouldStop& should_stop,
                                                       const std::function<void(double)>& progress) {
  auto wanted = rules();
  if (!wanted) return wanted.error();
  std::vector<Swept> swept;
  Status trouble;
  const auto note = [&](std::string what, const Result<std::int64_t>& rows) {
    if (rows) {
      if (*rows > 0) swept.push_back({std::move(what), *rows});
    } else if (trouble) {
      trouble = Error{rows.error().code, what + ": " + rows.error().message};
    }
    return rows.ok() || rows.error().code != Errc::cancelled;
  };
  const double steps = static_cast<double>(wanted->size()) + 2;
  double done = 0;
  bool go_on = note("users deleted_at", erase_users(dry_run, should_stop));
  for (const auto& rule : *wanted) {
    if (!go_on) break;
    go_on = note(rule.table + " " + rule.column, apply(rule, dry_run, should_stop));
    if (progress) progress(++done / steps);
  }
  if (go_on) note("audit_logs partitions", drop_audit(dry_run));
  if (!trouble) return trouble.error();
  for (const auto& one : swept)
    log::info("retention", dry_run ? "would be removed" : "removed", {{"what", one.what}, {"count", static_cast<long long>(one.rows)}});
  return swept;
}

Result<std::set<std::string>> Retention::referenced_blobs(std::span<const std::string> keys) {
  const auto wanted = nlohmann::json(std::vector<std::string>(keys.begin(), keys.end())).dump();
  return database_.run([&](Transaction& t) {
    std::set<std::string> referenced;
    for (const auto& row : t.exec(find_blobs, Params(wanted))) referenced.insert(row.text("key"));
    return referenced;
  });
}

Status Retention::make_audit_partitions() {
  return database_.run([](Transaction& t) { t.exec(make_partitions); });
}

JobWorker::Handler Retention::sweep_handler() {
  return [this](JobContext& context) -> Result<std::string> {
    if (!context.job().user_id.empty()) return Error{Errc::permission_denied, "only the server sweeps"};
    const auto payload = nlohmann::json::parse(context.job().payload_json, nullptr, false);
    const bool dry_run = payload.is_object() && payload.value("dry_run", false);
    auto swept = sweep(
        dry_run, [&] { return context.should_stop(); }, [&](double done) { context.set_progress(done); });
    if (!swept) return swept.error();
    auto result = nlohmann::json::object();
    for (const auto& one : *swept) result[one.what] = one.rows;
    return nlohmann::json{{"dry_run", dry_run}, {"rows", result}}.dump();
  };
}

JobWorker::Handler Retention::partitions_handler() {
  return [this](JobContext&) -> Result<std::string> {
    if (auto made = make_audit_partitions(); !made) return made.error();
    return std::string("{}");
  };
}

}  // namespace repartee::persistence
