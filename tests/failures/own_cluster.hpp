// An operator's own PostgreSQL, as the server finds it elsewhere: a cluster in a directory of its own, with a superuser `postgres` for the
// test and a plain role `server` that owns the database `repartee`. Listens on a unix socket and, with a port, on 127.0.0.1.
// Thread contract: the owner's thread.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "persistence/subprocess.hpp"

namespace repartee::test {

class OwnCluster {
 public:
  struct Options {
    int port = 0;                       // 0: no TCP
    std::vector<std::string> settings;  // "ssl=on"
    std::vector<std::string> access;    // lines of pg_hba.conf, before the ones that trust everybody
  };
  // Makes the cluster, its role and its database; it is not running afterwards. Throws std::runtime_error.
  OwnCluster(std::filesystem::path directory, Options options);
  ~OwnCluster();
  OwnCluster(const OwnCluster&) = delete;
  OwnCluster& operator=(const OwnCluster&) = delete;

  void start();
  void stop();  // at once, as pg_ctl -m immediate
  bool running() const { return pid_ > 0; }
  void sql(const std::string& text, const std::string& database = "postgres");  // as the superuser
  std::string socket_url(const std::string& user = "server") const;
  const std::filesystem::path& directory() const { return directory_; }
  const persistence::Identity& identity() const { return identity_; }

 private:
  void run(std::vector<std::string> arguments);

  const std::filesystem::path directory_;
  const Options options_;
  persistence::Identity identity_;
  std::filesystem::path bin_dir_;
  pid_t pid_ = -1;
};

// The postmaster of the embedded cluster below a data directory (0: none), and it with all its backends.
pid_t embedded_postmaster(const std::filesystem::path& data_dir);
std::vector<pid_t> with_children(pid_t parent);

}  // namespace repartee::test
