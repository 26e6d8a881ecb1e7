#include "persistence/restore.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "persistence/cluster_home.hpp"
#include "persistence/connection.hpp"
#include "persistence/migrate.hpp"
#include "persistence/roles.hpp"

namespace repartee::persistence {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t read_bytes = 1 << 16;
constexpr std::size_t manifest_bytes_max = 1u << 30;

constexpr Statement current_schema{"restore_schema", "SELECT current_schema() AS v"};
constexpr Statement row_security_forced{"restore_forced", "SELECT relforcerowsecurity AS v FROM pg_class WHERE oid = to_regclass($1)"};

// Rows a server makes by itself are none of anybody's: who exists without having registered, what is cached, queued, counted or logged.
bool holds_peoples_rows(const TableDigest& table) {
  if (table.rows == 0) return false;
  const auto& n = table.name;
  return !n.ends_with("_migrations") && n != "users" && n != "echos" && !n.starts_with("audit_logs") && !n.ends_with("_cache") &&
         n != "jobs" && n != "rate_limits";
}
constexpr Statement registered{"restore_registered",
                               "SELECT (SELECT count(*) FROM users WHERE id <> ALL ($1::uuid[])) + "
                               "(SELECT count(*) FROM echos WHERE user_id <> ALL ($1::uuid[])) AS n"};

// Goes through the archive once. `keep` takes each member's bytes in pieces, or not.
using Keep = std::function<Status(const TarMember& member, std::string_view bytes)>;
Result<BackupManifest> read_through(const fs::path& file, std::shared_ptr<const SealingKeys> keys, const Keep& keep) {
  auto tar = TarReader::open(file, std::move(keys));
  if (!tar) return tar.error();
  std::vector<TarMember> parts;
  std::string json;
  for (;;) {
    auto member = tar->next();
    if (!member) return member.error();
    if (!*member) break;
    for (;;) {
      auto chunk = tar->read(read_bytes);
      if (!chunk) return chunk.error();
      if (chunk->empty()) break;
      if ((*member)->name != manifest_member) {
        if (auto kept = keep(**member, *chunk); !kept) return kept.error();
      } else if (json.size() + chunk->size() <= manifest_bytes_max) {
        json += *chunk;
      }
    }
    (*member)->sha256 = tar->sha256();
    if ((*member)->name != manifest_member) parts.push_back(std::move(**member));
  }
  if (json.empty()) return Error{Errc::data_corrupt, file.string() + " is no whole backup: its manifest is missing"};
  auto manifest = manifest_from_json(json);
  if (!manifest) return manifest;
  const auto same = [](const TarMember& a, const TarMember& b) { return a.name == b.name && a.bytes == b.bytes && a.sha256 == b.sha256; };
  if (!std::equal(parts.begin(), parts.end(), manifest->parts.begin(), manifest->parts.end(), same))
    return Error{Errc::data_corrupt, file.string() + " was damaged: its parts are not those of its manifest"};
  return manifest;
}

Status write_text(const fs::path& file, const std::string& text) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << text;
  if (!out.flush()) return system_error(errno, "cannot write", file);
  return {};
}

class Restore {
 public:
  Restore(const RestoreOptions& options, const PostgresTools& tools) : options_(options), tools_(tools) {}

  Result<RestoreReport> run() {
    options_.progress("checking " + options_.file.string());
    if (auto unpacked = unpack(); !unpacked) return unpacked.error();
    Connection owner(options_.owner, {.statement_timeout = Millis(0), .idle_in_transaction_timeout = Millis(0)});
    if (auto fits = check_target(owner); !fits) return fits.error();
    options_.progress("restoring " + std::to_string(report_.manifest.rows()) + " rows of " + report_.manifest.created_at);
    if (auto scripts = write_scripts(owner); !scripts) return scripts.error();
    if (auto placed = place_blobs(); !placed) return placed.error();
    if (auto loaded = load(); !loaded) return loaded.error();
    if (!partial())
      if (auto migrated = migrate(); !migrated) return migrated.error();
    return report_;
  }

 private:
  bool partial() const { return !report_.manifest.table.empty(); }
  fs::path work(const char* name) const { return tools_.work_dir() / name; }
  fs::path blobs_unpacked() const { return options_.blob_dir / (".restore-" + tools_.work_dir().filename().string()); }

  // The dump goes to the work directory, the blobs beside where they belong: to rename them later costs nothing.
  Status unpack() {
    std::ofstream out;
    std::string open_name;
    auto manifest = read_through(options_.file, options_.keys, [&](const TarMember& member, std::string_view bytes) -> Status {
      const auto path = member.name == database_member ? work(database_member) : blobs_unpacked() / member.name;
      if (member.name != open_name) {
        std::error_code failed;
        fs::create_directories(path.parent_path(), failed);
        out.close();
        out.open(path, std::ios::binary | std::ios::trunc);
        open_name = member.name;
      }
      if (!out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()))) return system_error(errno, "cannot write", path);
      return {};
    });
    out.close();
    if (!manifest) return manifest.error();
    if (!out) return system_error(errno, "cannot write in", tools_.work_dir());
    report_.manifest = std::move(*manifest);
    return {};
  }

  Status check_target(Connection& owner) {
    owner.begin();
    const auto schema = owner.exec(current_schema)[0].text("v");
    if (schema != report_.manifest.schema)
      return Error{Errc::conflict, "the backup is of schema " + report_.manifest.schema + ", and this database's is " + schema};
    roles_there_ = ensure_roles(owner);
    owner.commit();
    auto states = Migrator(options_.owner).status();
    if (!states) return states.error();
    for (const auto& state : *states) {
      if (state.applied_at && !state.known)
        return Error{Errc::conflict, "the database was migrated by a newer program: restore with that one"};
      if (state.applied_at) applied_.insert(applied_.begin(), state.version);
    }
    if (partial() && applied_.empty())
      return Error{Errc::conflict, "a single table goes into a database that has the schema: run `repartee migrate up`"};
    if (applied_.empty() || options_.force) return {};
    owner.begin();
    const bool taken = holds_anything(owner);
    owner.roll_back();
    if (taken)
      return Error{Errc::conflict, describe(options_.owner) + " is not empty: --force replaces " +
                                       (partial() ? "the rows of " + report_.manifest.table : std::string("everything in it"))};
    return {};
  }

  bool holds_anything(Connection& owner) {
    if (roles_there_) owner.script("SET LOCAL ROLE repartee_backup");
    const auto tables = digest_tables(owner, report_.manifest.schema, report_.manifest.table);
    if (partial()) return std::any_of(tables.begin(), tables.end(), [](const auto& t) { return t.rows > 0; });
    if (std::any_of(tables.begin(), tables.end(), holds_peoples_rows)) return true;
    const std::string servers_own = std::string("{") + system_user_id + "," + local_user_id + "}";
    return owner.exec(registered, Params(servers_own))[0].integer("n") > 0;
  }

  // ---- what psql runs, in one transaction ----

  Status write_scripts(Connection& owner) {
    std::string first;
    if (partial()) first = make_room(owner);
    else if (!applied_.empty()) first = take_everything_away();
    if (auto written = write_text(work("first.sql"), first); !written) return written;
    auto contents = list_contents();
    if (!contents) return contents.error();
    if (auto written = write_text(work("contents"), *contents); !written) return written;
    if (auto made = script_of({"--section=pre-data", "--section=data"}, "rows.sql"); !made) return made;
    if (auto written = write_text(work("check.sql"), check_script()); !written) return written;
    if (partial()) return write_text(work("rest.sql"), force_again_);
    if (auto made = script_of({"--section=post-data"}, "rest.sql"); !made) return made;
    // Grants and policies are this program's, not the backup's: Migrator applies them again when it finds this row missing.
    return write_text(work("last.sql"),
                      "DELETE FROM " + quoted_identifier(report_.manifest.schema) + ".schema_migrations WHERE version = 0;\n");
  }

  // By the migrations' own down scripts, newest first: nothing that is not Repartee's is touched.
  std::string take_everything_away() const {
    std::string script;
    const auto migrations = embedded_migrations().numbered;
    for (const int version : applied_)
      for (const auto& m : migrations)
        if (m.version == version) script += m.down + "\n";
    return script + "DROP TABLE IF EXISTS data_migrations;\nDROP TABLE schema_migrations;\n";
  }

  std::string make_room(Connection& owner) {
    const auto table = quoted_identifier(report_.manifest.schema) + "." + quoted_identifier(report_.manifest.table);
    owner.begin();
    const auto forced = owner.exec(row_security_forced, Params(table));
    const bool is_forced = !forced.empty() && forced[0].boolean("v");
    owner.roll_back();
    if (is_forced) force_again_ = "ALTER TABLE " + table + " FORCE ROW LEVEL SECURITY;\n";
    return (is_forced ? "ALTER TABLE " + table + " NO FORCE ROW LEVEL SECURITY;\n" : "") + "DELETE FROM " + table + ";\n";
  }

  // pg_restore's table of contents, without what the target has or what this program sets itself.
  Result<std::string> list_contents() const {
    std::string all, wanted;
    auto listed = tools_.run("pg_restore", {"--list", work(database_member)}, [&](std::string_view text) {
      all += text;
      return Status();
    });
    if (!listed) return listed.error();
    std::istringstream lines(all);
    for (std::string line; std::getline(lines, line);)
      if (is_wanted(line)) wanted += line + "\n";
    return wanted;
  }

  bool is_wanted(const std::string& line) const {
    const auto has = [&](const std::string& what) { return line.find(" " + what + " ") != std::string::npos; };
    if (line.starts_with(";")) return false;
    if (partial()) return has("TABLE DATA");
    if (has("SCHEMA -") || has("ACL - SCHEMA") || has("COMMENT - SCHEMA") || has("DEFAULT ACL") || has("POLICY")) return false;
    return roles_there_ || !has("ACL");
  }

  Status script_of(std::vector<std::string> arguments, const char* name) {
    arguments.insert(arguments.end(), {"--no-owner", "--use-list=" + work("contents").string(), "--file=" + work(name).string(),
                                       work(database_member).string()});
    return tools_.run("pg_restore", std::move(arguments), [](std::string_view) { return Status(); });
  }

  // Before row-level security is switched on, which would hide the rows from the owner.
  std::string check_script() const {
    std::string script = std::string(digest_settings) + "\nDO $check$\nDECLARE got record;\nBEGIN\n";
    for (const auto& table : report_.manifest.tables)
      script += "SELECT * INTO got FROM (" + digest_sql(report_.manifest.schema, table.name) + ") AS now;\nIF got.rows <> " +
                std::to_string(table.rows) + " OR got.digest <> " + quoted_literal(table.digest) +
                " THEN RAISE EXCEPTION 'table % came back with % rows instead of " + std::to_string(table.rows) + ", or with others', " +
                quoted_literal(table.name) + ", got.rows; END IF;\n";
    return script + "END $check$;\n";
  }

  Status load() {
    options_.progress("loading and comparing " + std::to_string(report_.manifest.tables.size()) + " tables");
    std::vector<std::string> arguments{"--no-psqlrc",          "--quiet",       "--set=ON_ERROR_STOP=1",
                                       "--single-transaction", "--no-password", "--dbname=" + tools_.conninfo()};
    for (const char* name : {"first.sql", "rows.sql", "check.sql", "rest.sql", "last.sql"})
      if (std::error_code ignored; fs::exists(work(name), ignored)) arguments.push_back("--file=" + work(name).string());
    return tools_.run("psql", std::move(arguments), [](std::string_view) { return Status(); });
  }

  // Before the rows: none of them ever names a blob that is not there.
  Status place_blobs() {
    std::error_code failed;
    for (const auto& part : report_.manifest.parts) {
      if (!part.name.starts_with(blobs_prefix)) continue;
      const auto from = blobs_unpacked() / part.name, to = options_.blob_dir / part.name.substr(std::string(blobs_prefix).size());
      fs::create_directories(to.parent_path(), failed);
      if (!fs::exists(from, failed)) std::ofstream(from).close();  // it was empty
      fs::rename(from, to, failed);
      if (failed) return system_error(failed.value(), "cannot name", to);
      ++report_.blobs;
    }
    fs::remove_all(blobs_unpacked(), failed);
    return {};
  }

  Status migrate() {
    auto applied = Migrator(options_.owner).up();
    if (!applied) return applied.error();
    report_.migrations_applied = *applied;
    return {};
  }

  const RestoreOptions& options_;
  const PostgresTools& tools_;
  RestoreReport report_;
  bool roles_there_ = false;
  std::vector<int> applied_;  // newest first
  std::string force_again_;
};

}  // namespace

Result<RestoreReport> restore_backup(const RestoreOptions& options) {
  try {
    auto tools = PostgresTools::open(options.owner, options.tools);
    if (!tools) return tools.error();
    auto report = Restore(options, *tools).run();
    std::error_code ignored;
    if (!report) fs::remove_all(options.blob_dir / (".restore-" + tools->work_dir().filename().string()), ignored);
    return report;
  } catch (const DatabaseError& e) { return e.error(); }
}

Result<BackupManifest> check_backup(const fs::path& file, std::shared_ptr<const SealingKeys> keys) {
  return read_through(file, std::move(keys), [](const TarMember&, std::string_view) { return Status(); });
}

}  // namespace repartee::persistence
