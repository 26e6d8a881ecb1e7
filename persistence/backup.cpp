#include "persistence/backup.hpp"

#include <algorithm>

#include "persistence/cluster_home.hpp"
#include "persistence/connection.hpp"
#include "persistence/roles.hpp"

namespace repartee::persistence {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t progress_bytes = 64u << 20;
constexpr std::size_t stamp_chars = 17;  // -20261120T060000Z

constexpr Statement snapshot{"backup_snapshot", "SELECT pg_export_snapshot() AS id"};
constexpr Statement about{"backup_about",
                          "SELECT current_schema() AS schema, current_setting('server_version') AS version, "
                          "(SELECT coalesce(max(version), 0) FROM schema_migrations) AS migrated"};
constexpr Statement is_table{"backup_is_table", "SELECT to_regclass(format('%I.%I', $1::text, $2::text)) IS NOT NULL AS there"};
constexpr Statement has_schema{"backup_has_schema", "SELECT to_regclass('schema_migrations') IS NOT NULL AS there"};
// Tables whose rows the present user sees only through policies, and those of them without the policy that shows repartee_backup all.
constexpr Statement count_filtered{"backup_filtered", R"(
  SELECT count(*) AS filtered, count(*) FILTER (WHERE NOT EXISTS (
    SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid AND p.polname = 'backup_reads' AND current_user::regrole::oid = ANY (p.polroles))) AS hidden
  FROM pg_class AS c
  WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND row_security_active(c.oid))"};

// A session that sees every row, and how pg_dump gets one like it.
struct Reader {
  std::unique_ptr<Connection> connection;
  std::vector<std::string> dump_options;
};

std::optional<Reader> reader_as(const DatabaseTarget& owner, const std::string& role) {
  Connection::Settings patient{.statement_timeout = Millis(0), .idle_in_transaction_timeout = Millis(0)};
  Reader reader{std::make_unique<Connection>(DatabaseTarget{owner.conninfo, role}, patient), {}};
  if (!reader.connection->has_role()) return std::nullopt;
  reader.connection->begin();
  reader.connection->script("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY");
  const auto rows = reader.connection->exec(count_filtered);
  if (rows[0].integer("hidden") > 0) return std::nullopt;
  if (!role.empty()) reader.dump_options.push_back("--role=" + role);
  if (rows[0].integer("filtered") > 0) reader.dump_options.push_back("--enable-row-security");
  return reader;
}

Reader open_reader(const DatabaseTarget& owner) {
  for (const char* role : {roles::backup, ""})
    if (auto reader = reader_as(owner, role)) return std::move(*reader);
  throw DatabaseError(
      Errc::permission_denied,
      "neither repartee_backup nor the database URL's user may read every row: run `repartee migrate up` as a user who may create "
      "roles, or GRANT repartee_backup to this one");
}

std::string mebibytes(std::uint64_t bytes) { return std::to_string((bytes + (1u << 20) - 1) >> 20) + " MiB"; }

class Backup {
 public:
  Backup(const BackupOptions& options, const PostgresTools& tools, TarWriter& tar) : options_(options), tools_(tools), tar_(tar) {}

  Result<BackupReport> run() {
    auto reader = open_reader(options_.owner);
    if (auto described = describe_database(*reader.connection); !described) return described.error();
    options_.progress("reading " + std::to_string(manifest_.tables.size()) + " tables, " + std::to_string(manifest_.rows()) + " rows");
    reader.dump_options.push_back("--snapshot=" + reader.connection->exec(snapshot)[0].text("id"));
    if (auto dumped = dump(reader.dump_options); !dumped) return dumped.error();
    if (options_.table.empty())
      if (auto copied = copy_blobs(); !copied) return copied.error();
    const auto json = to_json(manifest_);
    if (auto begun = tar_.begin(manifest_member); !begun) return begun.error();
    if (auto written = tar_.append(json); !written) return written.error();
    if (auto ended = tar_.end(); !ended) return ended.error();
    if (auto finished = tar_.finish(); !finished) return finished.error();
    return BackupReport{manifest_, tar_.bytes()};
  }

 private:
  Status describe_database(Connection& connection) {
    if (!connection.exec(has_schema)[0].boolean("there"))
      return Error{Errc::not_found, "there is no Repartee schema in " + describe(options_.owner) + ": nothing to back up"};
    const auto facts = connection.exec(about);
    manifest_.program = options_.program;
    manifest_.created_at = to_timestamp(std::chrono::system_clock::now());
    manifest_.server_version = facts[0].text("version");
    manifest_.schema = facts[0].text("schema");
    manifest_.schema_version = static_cast<int>(facts[0].integer("migrated"));
    manifest_.table = options_.table;
    if (!options_.table.empty() && !connection.exec(is_table, Params(manifest_.schema, options_.table))[0].boolean("there"))
      return Error{Errc::not_found, "there is no table " + options_.table};
    manifest_.tables = digest_tables(connection, manifest_.schema, options_.table);
    return {};
  }

  Status dump(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--format=custom", "--no-password", "--schema=" + quoted_identifier(manifest_.schema),
                                       "--dbname=" + tools_.conninfo()});
    if (!options_.table.empty()) {
      arguments.push_back("--table=" + quoted_identifier(manifest_.schema) + "." + quoted_identifier(options_.table));
      for (const auto& part : manifest_.tables)
        arguments.push_back("--table=" + quoted_identifier(manifest_.schema) + "." + quoted_identifier(part.name));
    }
    if (auto begun = tar_.begin(database_member); !begun) return begun;
    std::uint64_t written = 0, told = 0;
    auto dumped = tools_.run("pg_dump", std::move(arguments), [&](std::string_view bytes) {
      written += bytes.size();
      if (written - told >= progress_bytes) options_.progress("database: " + mebibytes(told = written));
      return tar_.append(bytes);
    });
    if (!dumped) return dumped;
    return keep(tar_.end());
  }

  Status keep(Result<TarMember> member) {
    if (!member) return member.error();
    manifest_.parts.push_back(std::move(*member));
    return {};
  }

  Status copy_blobs() {
    std::error_code failed;
    if (options_.blob_dir.empty() || !fs::exists(options_.blob_dir, failed)) return {};
    std::size_t count = 0;
    std::uint64_t told = tar_.bytes();
    for (auto entry = fs::recursive_directory_iterator(options_.blob_dir, failed); !failed && entry != fs::recursive_directory_iterator();
         entry.increment(failed)) {
      if (!entry->is_regular_file() || entry->is_symlink()) continue;
      const auto name = blobs_prefix + fs::relative(entry->path(), options_.blob_dir).string();
      auto added = tar_.add_file(entry->path(), name);
      if (!added && !fs::exists(entry->path())) continue;  // removed meanwhile: no row of the snapshot that still lives names it
      if (auto kept = keep(std::move(added)); !kept) return kept;
      ++count;
      if (tar_.bytes() - told >= progress_bytes) {
        told = tar_.bytes();
        options_.progress("blobs: " + std::to_string(count) + ", " + mebibytes(told) + " in all");
      }
    }
    if (failed) return system_error(failed.value(), "cannot read", options_.blob_dir);
    return {};
  }

  const BackupOptions& options_;
  const PostgresTools& tools_;
  TarWriter& tar_;
  BackupManifest manifest_;
};

}  // namespace

Result<BackupReport> make_backup(const BackupOptions& options) {
  try {
    auto tools = PostgresTools::open(options.owner, options.tools);
    if (!tools) return tools.error();
    auto tar = TarWriter::create(options.file, options.keys);
    if (!tar) return tar.error();
    return Backup(options, *tools, *tar).run();
  } catch (const DatabaseError& e) { return e.error(); }
}

fs::path series_name(const fs::path& file, WallTime at) {
  std::string stamp;
  for (const char c : to_timestamp(at).substr(0, 19))
    if (c != '-' && c != ':') stamp += c;
  auto name = file;
  return name.replace_filename(file.stem().string() + "-" + stamp + "Z" + file.extension().string());
}

Result<std::size_t> prune_series(const fs::path& file, std::size_t kept) {
  const auto directory = file.has_parent_path() ? file.parent_path() : fs::path(".");
  const auto stem = file.stem().string() + "-", extension = file.extension().string();
  std::vector<fs::path> series;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(directory, failed)) {
    const auto name = entry.path().filename().string();
    const bool ours = name.size() == stem.size() + stamp_chars - 1 + extension.size() && name.starts_with(stem) &&
                      name.ends_with(extension) && name[stem.size() + 8] == 'T' && name[stem.size() + 15] == 'Z';
    if (ours) series.push_back(entry.path());
  }
  if (failed) return system_error(failed.value(), "cannot read", directory);
  std::sort(series.begin(), series.end());
  const auto too_many = series.size() > kept ? series.size() - kept : 0;
  for (std::size_t i = 0; i < too_many; ++i)
    if (!fs::remove(series[i], failed)) return system_error(failed.value(), "cannot remove", series[i]);
  return too_many;
}

}  // namespace repartee::persistence
