// What the tests of loss have in common: where they play, a server with scripted engines and small limits, and the closing of the books.
// Thread contract: the test's thread.
#pragma once
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "persistence/conninfo.hpp"
#include "tests/failures/callers.hpp"
#include "tests/integration/server_process.hpp"

namespace repartee::test {

// A directory that PostgreSQL's user may pass through, with a configuration file in it; goes with the object.
class Stage {
 public:
  Stage();
  ~Stage();
  const std::filesystem::path& data_dir() const { return data_dir_; }
  const std::filesystem::path& path() const { return path_; }
  // What `serve` is told: scripted engines, `recorder_items_max` records in memory; and more.
  std::vector<std::string> arguments(std::vector<std::string> more = {}) const;
  void configure(const std::string& toml);  // added to the file

  static constexpr int recorder_items_max = 300;

 private:
  std::filesystem::path path_, data_dir_;
};

persistence::DatabaseTarget embedded_owner(const std::filesystem::path& data_dir);

// At the end of a test: the calls hang up, nothing happened to any of them, everything reaches the database, and it has what was told.
// Prints the figures.
void close_the_books(const char* what, Callers& callers, const ServerProcess& server, const persistence::DatabaseTarget& owner);
// The same without a look at the calls: what was told is in the database of this server.
void expect_all_there(const char* what, const ToldTurns& told, const ServerProcess& server, const persistence::DatabaseTarget& owner);

}  // namespace repartee::test
