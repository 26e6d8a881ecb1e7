// PostgreSQL's client programs (pg_dump, pg_restore, psql) at work on one database. They get the password in a file that only this user can
// read, never as an argument.
// Thread contract: one thread at a time.
#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/conninfo.hpp"

namespace repartee::persistence {

class PostgresTools {
 public:
  struct Options {
    std::filesystem::path bin_dir;  // empty: the newest under bin_root that has all three
    std::filesystem::path bin_root = "/usr/lib/postgresql";
    std::filesystem::path work_root;  // a private directory is made in it, for the password and what is unpacked
  };
  static Result<PostgresTools> open(const DatabaseTarget& target, const Options& options);
  PostgresTools(PostgresTools&& other) noexcept;
  PostgresTools& operator=(PostgresTools&&) = delete;
  ~PostgresTools();  // the work directory goes

  const std::filesystem::path& work_dir() const { return work_dir_; }
  const std::string& conninfo() const { return conninfo_; }  // without the password

  // Runs a program to its end, however long it takes; what it prints is handed over in pieces. An error holds the program's own last words.
  Status run(const std::string& program, std::vector<std::string> arguments, const std::function<Status(std::string_view)>& output) const;

 private:
  PostgresTools(std::filesystem::path bin_dir, std::filesystem::path work_dir, std::string conninfo)
      : bin_dir_(std::move(bin_dir)), work_dir_(std::move(work_dir)), conninfo_(std::move(conninfo)) {}

  std::filesystem::path bin_dir_, work_dir_;
  std::string conninfo_;
};

}  // namespace repartee::persistence
