#include "persistence/backup_manifest.hpp"

#include <nlohmann/json.hpp>

#include "persistence/connection.hpp"

namespace repartee::persistence {
namespace {

using nlohmann::json;

// Ordinary tables and the leaves of partitioned ones.
constexpr Statement list_tables{"backup_tables", R"(
  SELECT c.relname AS name FROM pg_class AS c
  WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1::text) AND c.relkind = 'r' AND c.relpersistence = 'p'
    AND ($2::text = '' OR c.relname = $2::text
         OR c.oid IN (SELECT relid FROM pg_partition_tree(to_regclass(format('%I.%I', $1::text, $2::text))) WHERE isleaf))
    AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = c.oid AND d.deptype = 'e')
  ORDER BY c.relname)"};

std::string quoted(const std::string& text, char mark) {
  std::string out(1, mark);
  for (const char c : text) out.append(c == mark ? 2 : 1, c);
  return out + mark;
}

}  // namespace

const char* const digest_settings =
    "SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres'; SET extra_float_digits = 1; SET bytea_output = 'hex';";

std::string quoted_identifier(const std::string& name) { return quoted(name, '"'); }
std::string quoted_literal(const std::string& text) { return quoted(text, '\''); }

std::uint64_t BackupManifest::rows() const {
  std::uint64_t sum = 0;
  for (const auto& t : tables) sum += t.rows;
  return sum;
}

std::string to_json(const BackupManifest& manifest) {
  json tables = json::array(), parts = json::array();
  for (const auto& t : manifest.tables) tables.push_back({{"name", t.name}, {"rows", t.rows}, {"digest", t.digest}});
  for (const auto& p : manifest.parts) parts.push_back({{"name", p.name}, {"bytes", p.bytes}, {"sha256", p.sha256}});
  return json{{"format", manifest.format},         {"program", manifest.program},
              {"created_at", manifest.created_at}, {"server_version", manifest.server_version},
              {"schema", manifest.schema},         {"schema_version", manifest.schema_version},
              {"table", manifest.table},           {"tables", std::move(tables)},
              {"parts", std::move(parts)}}
             .dump(1, ' ', false, json::error_handler_t::replace) +
         "\n";
}

Result<BackupManifest> manifest_from_json(std::string_view text) {
  try {
    const auto read = json::parse(text);
    BackupManifest m;
    m.format = read.at("format");
    if (m.format != BackupManifest{}.format)
      return Error{Errc::conflict, "the backup was made by a newer program: its format is " + std::to_string(m.format)};
    m.program = read.at("program");
    m.created_at = read.at("created_at");
    m.server_version = read.at("server_version");
    m.schema = read.at("schema");
    m.schema_version = read.at("schema_version");
    m.table = read.at("table");
    for (const auto& t : read.at("tables")) m.tables.push_back({t.at("name"), t.at("rows"), t.at("digest")});
    for (const auto& p : read.at("parts")) m.parts.push_back({p.at("name"), p.at("bytes"), p.at("sha256")});
    return m;
  } catch (const json::exception&) { return Error{Errc::data_corrupt, "the backup's manifest is not readable"}; }
}

// Each row's text through MD5, which unlike PostgreSQL's own hashes is the same on every version and machine; 64 bits of it, added up.
std::string digest_sql(const std::string& schema, const std::string& table) {
  return "SELECT count(*) AS rows, coalesce(sum(('x' || left(md5(whole_row::text), 16))::bit(64)::bigint::numeric), 0)::text AS digest "
         "FROM ONLY " +
         quoted_identifier(schema) + "." + quoted_identifier(table) + " AS whole_row";
}

std::vector<TableDigest> digest_tables(Connection& connection, const std::string& schema, const std::string& table) {
  connection.script(digest_settings);
  std::vector<TableDigest> digests;
  for (const auto& row : connection.exec(list_tables, Params(schema, table))) {
    const auto name = row.text("name"), statement = "digest of " + name, sql = digest_sql(schema, name);
    const auto answer = connection.exec({statement.c_str(), sql.c_str()});
    digests.push_back({name, static_cast<std::uint64_t>(answer[0].integer("rows")), answer[0].text("digest")});
  }
  return digests;
}

}  // namespace repartee::persistence
