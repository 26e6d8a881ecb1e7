// Which PostgreSQL programs to use for a cluster.
// Thread contract: pure but for looking at the disk.
#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "core/result.hpp"

namespace repartee::persistence {

constexpr int postgres_version_min = 15;

struct PostgresInstall {
  int version = 0;                // major
  std::filesystem::path bin_dir;  // holds initdb and postgres
};

// The major version that made the cluster; empty when there is none.
std::optional<std::string> version_of_cluster(const std::filesystem::path& cluster);

// The programs that fit the cluster, or for a new one the newest under `root` (/usr/lib/postgresql/<version>/bin). `bin_dir` overrides.
Result<PostgresInstall> choose_postgres(const std::filesystem::path& bin_dir, const std::filesystem::path& root,
                                        const std::filesystem::path& cluster);

}  // namespace repartee::persistence
