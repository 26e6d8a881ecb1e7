#include "persistence/privacy.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "core/ids.hpp"
#include "core/log.hpp"
#include "persistence/roles.hpp"

namespace repartee::persistence {
namespace {

constexpr Statement tables_with_column{"privacy_tables", "SELECT tables_with_column($1) AS name"};
constexpr Statement find_user{"privacy_user", "SELECT FROM users WHERE id = $1"};
constexpr Statement open_rows{"privacy_open", "SELECT privacy_open($1, $2) AS cursor"};
constexpr Statement fetch_rows{"privacy_fetch", "SELECT privacy_fetch($1::refcursor, $2) AS line"};
constexpr Statement close_user{"privacy_close_user",
                               "UPDATE users SET is_active = false, deleted_at = coalesce(deleted_at, now()) WHERE id = $1"};
constexpr Statement delete_rows{"privacy_delete", "SELECT affected, blob_keys FROM privacy_delete($1, $2, $3)"};
constexpr Statement make_partition{"privacy_partition", "SELECT audit_logs_make_partition(now())"};
constexpr Statement insert_line{"privacy_line",
                                "INSERT INTO audit_logs (id, user_id, action, resource, result, metadata, timestamp)"
                                " VALUES ($1, $2::uuid, 'user.erase', 'user/' || $2::uuid::text, 'success', $3::jsonb, now())"};
constexpr const char* audit_table = "audit_logs";
constexpr const char* users_table = "users";

const Error stopped{Errc::cancelled, "stopped before the end"};

std::vector<std::string> keys_of(const std::string& json) {
  return nlohmann::json::parse(json, nullptr, false).get<std::vector<std::string>>();  // as the database made it
}

// A blob's key as the name of an archive's entry; what could lead out of the archive is changed.
std::string entry_of_blob(const std::string& key) {
  std::string name = "blobs/";
  for (const char c : key)
    name += std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '/' ? c
            : c == '.' && name.back() != '.' && name.back() != '/'                          ? '.'
                                                                                            : '_';
  return name;
}

}  // namespace

std::int64_t Privacy::Erased::total() const {
  std::int64_t sum = 0;
  for (const auto& [table, count] : rows) sum += count;
  return sum;
}

Result<std::vector<std::string>> Privacy::tables_with(const char* column) {
  return database_.run([&](Transaction& t) {
    std::vector<std::string> names;
    for (const auto& row : t.exec(tables_with_column, Params(column))) names.push_back(row.text("name"));
    return names;
  });
}

Status Privacy::record_export(const std::string& user_id) {
  AuditRecord line;
  line.user_id = user_id;
  line.action = "user.export";
  line.resource = "user/" + user_id;
  if (!audit_.record_audit(std::move(line))) return Error{Errc::unavailable, "the audit line could not be kept: try again"};
  return {};
}

// ---- export ----

struct Privacy::Exporter {
  Exporter(Privacy& privacy, const std::string& user, const ByteSink& sink, const ShouldStop& stop)
      : privacy_(privacy), user_id_(user), should_stop_(stop), zip_(sink, std::chrono::system_clock::now()) {}

  Status run(const std::vector<std::string>& tables, const std::vector<std::string>& with_blobs) {
    blob_tables_.insert(with_blobs.begin(), with_blobs.end());
    auto rows = privacy_.database_.run([&](Transaction& t) {
      if (t.exec(find_user, Params(user_id_)).affected() == 0) throw DatabaseError(Errc::not_found, "there is no such user");
      for (const auto& table : tables) write_table(t, table);
    });
    if (!rows) return rows;
    for (const auto& key : blob_keys_)
      if (auto written = write_blob(key); !written) return written;
    return write_manifest();
  }

 private:
  // Inside the transaction a failure of the archive travels as the database's would.
  static void check(const Status& status) {
    if (!status) throw DatabaseError(status.error().code, status.error().message);
  }

  Status room() const {
    if (should_stop_ && should_stop_()) return stopped;
    if (zip_.bytes() > privacy_.options_.archive_bytes_max) return Error{Errc::resource_exhausted, "the archive is too large"};
    return {};
  }

  void write_table(Transaction& t, const std::string& table) {
    check(zip_.begin(table + ".jsonl"));
    auto& count = counts_[table];
    int part = 1;
    const auto cursor = t.exec(open_rows, Params(table, user_id_))[0].text("cursor");
    for (;;) {
      check(room());
      const auto lines = t.exec(fetch_rows, Params(cursor, privacy_.options_.lines_page));
      if (lines.empty()) return;
      if (zip_.entry_bytes() > privacy_.options_.table_part_bytes_max) check(zip_.begin(table + "." + std::to_string(++part) + ".jsonl"));
      for (const auto& row : lines) {
        const auto line = row.text("line");
        note_blob(table, line);
        check(zip_.write(line + "\n"));
        ++count;
      }
    }
  }

  void note_blob(const std::string& table, const std::string& line) {
    if (!blob_tables_.contains(table)) return;
    const auto row = nlohmann::json::parse(line, nullptr, false);
    if (row.is_object() && row.contains("blob_key") && row["blob_key"].is_string()) blob_keys_.insert(row["blob_key"].get<std::string>());
  }

  Status write_blob(const std::string& key) {
    if (key.empty() || !privacy_.hooks_.read_blob) return {};
    if (auto status = room(); !status) return status;
    if (auto begun = zip_.begin(entry_of_blob(key)); !begun) return begun;
    const auto read = privacy_.hooks_.read_blob(key, [this](std::string_view bytes) { return zip_.write(bytes); });
    if (read) return {};
    if (read.error().code != Errc::not_found && read.error().code != Errc::data_corrupt) return read;
    missing_.push_back(key);  // the rest is still theirs
    log::warn("privacy", "a blob is missing from an export", {{"blob", key}, {"error", read.error().message}});
    return {};
  }

  Status write_manifest() {
    if (auto begun = zip_.begin("manifest.json"); !begun) return begun;
    const nlohmann::json manifest{{"user_id", user_id_},
                                  {"exported_at", to_timestamp(std::chrono::system_clock::now())},
                                  {"rows", counts_},
                                  {"blobs", blob_keys_.size()},
                                  {"blobs_missing", missing_}};
    if (auto written = zip_.write(manifest.dump(2) + "\n"); !written) return written;
    return zip_.finish();
  }

  Privacy& privacy_;
  const std::string& user_id_;
  const ShouldStop& should_stop_;
  ZipWriter zip_;
  std::set<std::string> blob_tables_, blob_keys_;
  std::vector<std::string> missing_;
  std::map<std::string, std::int64_t> counts_;
};

Status Privacy::export_user(const std::string& user_id, const ByteSink& sink, const ShouldStop& should_stop) {
  if (!is_uuid(user_id)) return Error{Errc::not_found, "there is no such user"};
  auto tables = tables_with("user_id");
  if (!tables) return tables.error();
  tables->push_back(users_table);
  const auto with_blobs = tables_with("blob_key");
  if (!with_blobs) return with_blobs.error();
  if (auto made = Exporter(*this, user_id, sink, should_stop).run(*tables, *with_blobs); !made) return made;
  return record_export(user_id);
}

Result<std::uint64_t> Privacy::export_to_file(const std::string& user_id, const std::string& path, const ShouldStop& should_stop) {
  const std::string partial = path + ".partial";
  const auto failed = [&](const char* doing) {
    return Error{Errc::unavailable, std::string(doing) + " " + partial + ": " + std::strerror(errno)};
  };
  const int file = open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return failed("opening");
  std::uint64_t size = 0;
  auto made = export_user(
      user_id,
      [&](std::string_view bytes) -> Status {
        size += bytes.size();
        while (!bytes.empty()) {
          const auto written = write(file, bytes.data(), bytes.size());
          if (written < 0 && errno == EINTR) continue;
          if (written < 0) return failed("writing");
          bytes.remove_prefix(static_cast<std::size_t>(written));
        }
        return {};
      },
      should_stop);
  if (made && fsync(file) != 0) made = failed("keeping");
  close(file);
  if (made && rename(partial.c_str(), path.c_str()) != 0) made = failed("naming");
  if (!made) {
    unlink(partial.c_str());
    return made.error();
  }
  return size;
}

// ---- erasure ----

Result<Privacy::Erased> Privacy::erase_user(const std::string& user_id, const ShouldStop& should_stop) {
  if (!is_uuid(user_id)) return Error{Errc::not_found, "there is no such user"};
  if (user_id == system_user_id) return Error{Errc::invalid_argument, "the system's user belongs to nobody and stays"};
  auto existed = database_.run([&](Transaction& t) {  // nobody signs in as them from here on
    return t.exec(user_id == local_user_id ? find_user : close_user, Params(user_id)).affected() > 0;
  });
  if (!existed) return existed.error();
  for (const auto& hook : {hooks_.end_sessions, hooks_.forget_journal})
    if (hook)
      if (auto done = hook(user_id); !done) return done.error();

  auto tables = tables_with("user_id");
  if (!tables) return tables.error();
  const auto with_blobs = tables_with("blob_key");
  if (!with_blobs) return with_blobs.error();
  std::erase(*tables, audit_table);
  // Those that name blobs first: a row that goes with its parent's tells nobody its blob's key.
  std::stable_partition(tables->begin(), tables->end(),
                        [&](const auto& table) { return std::find(with_blobs->begin(), with_blobs->end(), table) != with_blobs->end(); });
  Erased erased;
  if (auto done = erase_rows(*tables, user_id, should_stop, erased); !done) return done.error();
  if (hooks_.forget_caches) hooks_.forget_caches(user_id);
  if (!*existed && erased.total() == 0) return erased;  // done before
  if (auto done = erase_last(user_id, erased); !done) return done.error();
  return erased;
}

// The user's own row, and the line that says so: both or neither.
Status Privacy::erase_last(const std::string& user_id, Erased& erased) {
  return database_.run([&](Transaction& t) {
    if (user_id != local_user_id) {
      const auto affected = t.exec(delete_rows, Params(users_table, user_id, 1))[0].maybe_integer("affected");
      if (!affected) throw DatabaseError(Errc::conflict, "the user cannot be erased: rows of others refer to what is theirs");
      erased.rows[users_table] = *affected;
    }
    t.exec(make_partition);
    t.exec(insert_line, Params(new_uuid(), user_id, nlohmann::json{{"rows", erased.rows}}.dump()));
  });
}

// Rows that others still need wait for the next round; a round that removes nothing and leaves some ends it.
Status Privacy::erase_rows(const std::vector<std::string>& tables, const std::string& user_id, const ShouldStop& should_stop,
                           Erased& erased) {
  auto left = tables;
  while (!left.empty()) {
    std::vector<std::string> blocked;
    const auto before = erased.total();
    for (const auto& table : left) {
      auto gone = erase_table(table, user_id, should_stop, erased);
      if (!gone) return gone.error();
      if (!*gone) blocked.push_back(table);
    }
    if (blocked.size() == left.size() && erased.total() == before)
      return Error{Errc::conflict, "rows of " + blocked.front() + " cannot be erased: others refer to them"};
    left = std::move(blocked);
  }
  return {};
}

Result<bool> Privacy::erase_table(const std::string& table, const std::string& user_id, const ShouldStop& should_stop, Erased& erased) {
  for (;;) {
    if (should_stop && should_stop()) return stopped;
    auto rows = database_.run([&](Transaction& t) { return t.exec(delete_rows, Params(table, user_id, options_.rows_batch)); });
    if (!rows) return rows.error();
    const auto affected = (*rows)[0].maybe_integer("affected");
    if (!affected) return false;
    if (const auto keys = keys_of((*rows)[0].text("blob_keys")); !keys.empty() && hooks_.release_blobs) hooks_.release_blobs(keys);
    if (*affected == 0) return true;
    erased.rows[table] += *affected;
  }
}

NewJob Privacy::erasure_job(const std::string& user_id) {
  return {.kind = erasure_job_kind,
          .queue = "default",
          .user_id = {},
          .payload_json = nlohmann::json{{"user_id", user_id}}.dump(),
          .unique_key = std::string(erasure_job_kind) + ":" + user_id,
          .attempts_max = 20,
          .run_at = {}};
}

JobWorker::Handler Privacy::erasure_handler() {
  return [this](JobContext& context) -> Result<std::string> {
    const auto payload = nlohmann::json::parse(context.job().payload_json, nullptr, false);
    if (!context.job().user_id.empty() || !payload.is_object() || !payload.contains("user_id") || !payload["user_id"].is_string())
      return Error{Errc::permission_denied, "only the server asks for an erasure"};
    auto erased = erase_user(payload["user_id"].get<std::string>(), [&] { return context.should_stop(); });
    if (!erased) return erased.error();
    return nlohmann::json{{"rows", erased->rows}}.dump();
  };
}

}  // namespace repartee::persistence
