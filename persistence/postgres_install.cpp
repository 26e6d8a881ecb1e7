#include "persistence/postgres_install.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <vector>

#include "persistence/subprocess.hpp"

namespace repartee::persistence {
namespace {

constexpr Duration version_patience = std::chrono::seconds(10);

int leading_number(std::string_view text) {
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// "postgres (PostgreSQL) 15.13 (Debian ...)"
Result<PostgresInstall> ask(const std::filesystem::path& bin_dir) {
  const Identity self;
  std::string output;
  SpawnRequest request;
  request.arguments = {bin_dir / "postgres", "--version"};
  const auto ran = run_to_end(request, self, version_patience, output);
  const auto at = output.find("PostgreSQL) ");
  const int version = at == std::string::npos ? 0 : leading_number(std::string_view(output).substr(at + 12));
  if (!ran || version == 0) return Error{Errc::unavailable, "there is no working PostgreSQL in " + bin_dir.string()};
  if (version < postgres_version_min)
    return Error{Errc::unavailable, bin_dir.string() + " holds PostgreSQL " + std::to_string(version) + "; " +
                                        std::to_string(postgres_version_min) + " or newer is needed"};
  return PostgresInstall{version, bin_dir};
}

std::vector<PostgresInstall> installed(const std::filesystem::path& root) {
  std::vector<PostgresInstall> all;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(root, ignored)) {
    const auto bin_dir = entry.path() / "bin";
    const int version = leading_number(entry.path().filename().string());
    if (version >= postgres_version_min && access((bin_dir / "postgres").c_str(), X_OK) == 0 &&
        access((bin_dir / "initdb").c_str(), X_OK) == 0)
      all.push_back({version, bin_dir});
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.version > b.version; });
  return all;
}

Error wrong_version(const std::filesystem::path& cluster, const std::string& made_by, const std::string& have) {
  return {Errc::conflict, "the database in " + cluster.string() + " was made by PostgreSQL " + made_by + ", and this machine has " + have +
                              ": install postgresql-" + made_by +
                              " beside it, or move the database over with pg_upgrade, or choose another --data-dir"};
}

}  // namespace

std::optional<std::string> version_of_cluster(const std::filesystem::path& cluster) {
  std::ifstream file(cluster / "PG_VERSION");
  std::string version;
  if (!std::getline(file, version)) return std::nullopt;
  return version;
}

Result<PostgresInstall> choose_postgres(const std::filesystem::path& bin_dir, const std::filesystem::path& root,
                                        const std::filesystem::path& cluster) {
  const auto made_by = version_of_cluster(cluster);
  const auto fits = [&](const PostgresInstall& install) { return !made_by || std::to_string(install.version) == *made_by; };
  if (!bin_dir.empty()) {
    auto given = ask(bin_dir);
    if (given && !fits(*given)) return wrong_version(cluster, *made_by, std::to_string(given->version));
    return given;
  }
  const auto all = installed(root);
  if (all.empty())
    return Error{Errc::unavailable, "PostgreSQL " + std::to_string(postgres_version_min) + " or newer is not installed below " +
                                        root.string() +
                                        ": install the package postgresql, or use a database of your own with --database-url"};
  for (const auto& install : all)
    if (fits(install)) return install;
  return wrong_version(cluster, *made_by, std::to_string(all.front().version));
}

}  // namespace repartee::persistence
