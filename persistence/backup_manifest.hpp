// What a backup holds, as its last member, manifest.json, says: by it a restore knows that everything came back.
// Thread contract: values and pure functions; digest_tables as Connection says.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "persistence/tar_archive.hpp"

namespace repartee::persistence {

class Connection;

struct TableDigest {
  std::string name;  // within the schema
  std::uint64_t rows = 0;
  std::string digest;  // the sum of the rows' hashes: the same whatever their order
  friend bool operator==(const TableDigest&, const TableDigest&) = default;
};

struct BackupManifest {
  int format = 1;
  std::string program, created_at, server_version, schema;
  int schema_version = 0;  // the last migration
  std::string table;       // empty: a backup of everything
  std::vector<TableDigest> tables;
  std::vector<TarMember> parts;  // all members but the manifest

  std::uint64_t rows() const;
};

constexpr const char* manifest_member = "manifest.json";
constexpr const char* database_member = "database.dump";  // pg_dump's custom format: pg_restore reads it
constexpr const char* blobs_prefix = "blobs/";

std::string to_json(const BackupManifest& manifest);
Result<BackupManifest> manifest_from_json(std::string_view text);

// SQL of one row (rows, digest) for a table, in a session that ran `digest_settings`.
extern const char* const digest_settings;
std::string digest_sql(const std::string& schema, const std::string& table);
std::string quoted_identifier(const std::string& name);
std::string quoted_literal(const std::string& text);

// Inside a transaction. Of the tables of the current schema that hold rows themselves; with `table` of it and its partitions.
std::vector<TableDigest> digest_tables(Connection& connection, const std::string& schema, const std::string& table);

}  // namespace repartee::persistence
