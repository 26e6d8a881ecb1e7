// One embedded cluster for the whole test program, and a fresh database in it for who wants one.
#pragma once
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "core/ids.hpp"
#include "persistence/embedded_postgres.hpp"
#include "persistence/migrate.hpp"
#include "persistence/roles.hpp"
#include "persistence/sealed_bytes.hpp"
#include "persistence/user_repository.hpp"

namespace repartee::persistence::test {

// A directory that goes with the object.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

EmbeddedPostgres::Options quick_options(const std::filesystem::path& data_dir);

// Made at the first use and stopped after the last test. Its schema is migrated.
struct SharedCluster {
  static SharedCluster& get();
  static bool made() { return made_; }
  EmbeddedPostgres& postgres() { return *postgres_; }
  const DatabaseTargets& targets() const { return targets_; }
  Metrics& metrics() { return metrics_; }
  void kill_postmaster();  // SIGKILL, and waits until it is noticed
  void stop();

 private:
  SharedCluster();
  TempDir dir_;
  Metrics metrics_;
  std::unique_ptr<EmbeddedPostgres> postgres_;
  DatabaseTargets targets_;
  static bool made_;
};

// Pools on the shared cluster, a user and a clone of theirs.
class StoreTest : public ::testing::Test {
 protected:
  StoreTest();
  std::string make_user();
  std::string make_clone(const std::string& user_id, bool is_public, const std::string& name = "Ada");
  SessionRecord session_of(const std::string& user_id, const std::string& echo_id) const;
  TurnRecord turn_of(const SessionRecord& session, int index) const;
  static AuditRecord audit_of(const std::string& user_id, const std::string& action);
  std::string scalar(const Statement& statement, const Params& params = Params());  // as owner; column "v" of the first row

  SharedCluster& cluster_;
  Metrics& metrics_;
  Database owner_, app_, recorder_db_;
  std::string user_, echo_;
};

std::shared_ptr<const SealingKeys> keys_of(const std::string& key_file_text);

bool wait_until(const std::function<bool()>& condition, Duration patience = std::chrono::seconds(20));

}  // namespace repartee::persistence::test
