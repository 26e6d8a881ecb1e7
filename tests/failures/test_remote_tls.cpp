// A database on another machine, by TLS: a cluster with a certificate of a private CA, found under a name that is not this machine's.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <optional>

#include "persistence/cluster_home.hpp"
#include "persistence/connection.hpp"
#include "tests/failures/ledger.hpp"
#include "tests/failures/own_cluster.hpp"
#include "tests/failures/stage.hpp"

namespace repartee::test {
namespace {

namespace fs = std::filesystem;
using persistence::Statement;

constexpr const char* name_in_certificate = "db.repartee.test";

int free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  int port = 0;
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 && getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0)
    port = ntohs(address.sin_port);
  close(fd);
  return port;
}

// A CA and a key signed by it, made by the user who runs PostgreSQL.
class Certificates {
 public:
  Certificates(const fs::path& directory, const persistence::Identity& identity) : directory_(directory), identity_(identity) {
    if (auto made = persistence::make_directory(directory_, identity.uid, identity.gid, 0755); !made)
      throw std::runtime_error(made.error().message);
    openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
             "/CN=A private CA", "-keyout", path("ca.key"), "-out", ca()});
    openssl({"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
             std::string("/CN=") + name_in_certificate, "-keyout", key(), "-out", path("server.csr")});
    std::ofstream(directory_ / "names") << "subjectAltName=DNS:" << name_in_certificate << "\n";
    openssl({"x509", "-req", "-in", path("server.csr"), "-CA", ca(), "-CAkey", path("ca.key"), "-CAcreateserial", "-days", "2", "-extfile",
             path("names"), "-out", certificate()});
  }
  std::string ca() const { return path("ca.crt"); }
  std::string key() const { return path("server.key"); }
  std::string certificate() const { return path("server.crt"); }

 private:
  std::string path(const char* name) const { return (directory_ / name).string(); }
  void openssl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "/usr/bin/openssl");
    std::string output;
    if (auto ran = persistence::run_to_end({.arguments = arguments}, identity_, std::chrono::seconds(20), output); !ran)
      throw std::runtime_error(ran.error().message + "\n" + output);
  }

  const fs::path directory_;
  const persistence::Identity identity_;
};

class RemoteDatabase : public testing::Test {
 protected:
  RemoteDatabase()
      : certificates_(stage_.path() / "tls", *persistence::identity_for_postgres("postgres")),
        cluster_(stage_.path() / "own",
                 {.port = port_,
                  .settings = {"ssl=on", "ssl_cert_file=" + certificates_.certificate(), "ssl_key_file=" + certificates_.key()},
                  .access = {"hostssl all all 127.0.0.1/32 trust"}}) {
    cluster_.start();
  }
  // libpq connects to hostaddr and checks the certificate for host, as if the name led there.
  std::string url(const std::string& host, const std::string& more) const {
    return "host=" + host + " hostaddr=127.0.0.1 port=" + std::to_string(port_) + " dbname=repartee user=server " + more;
  }
  std::string trusting() const { return "sslrootcert=" + certificates_.ca(); }
  // "encrypted", "plain", or why there is no connection.
  static std::string attempt(const std::string& url) {
    try {
      persistence::Connection connection(*persistence::parse_target(url), {});
      connection.begin();
      const auto rows = connection.exec({"is_encrypted", "SELECT ssl AS v FROM pg_stat_ssl WHERE pid = pg_backend_pid()"});
      return rows[0].boolean("v") ? "encrypted" : "plain";
    } catch (const persistence::DatabaseError& error) { return error.what(); }
  }

  Stage stage_;
  const int port_ = free_port();
  Certificates certificates_;
  OwnCluster cluster_;
};

TEST_F(RemoteDatabase, IsBelievedOnlyWithATrustedCertificateForItsName) {
  EXPECT_EQ(attempt(url(name_in_certificate, trusting())), "encrypted");
  const auto wrong_name = attempt(url("elsewhere.repartee.test", trusting()));
  EXPECT_NE(wrong_name.find("does not match host name"), std::string::npos) << wrong_name;
  const auto wrong_authority = attempt(url(name_in_certificate, ""));
  EXPECT_NE(wrong_authority.find("certificate verify failed"), std::string::npos) << wrong_authority;
}

TEST_F(RemoteDatabase, IsTakenAsTheOperatorSaysWithASslmode) {
  EXPECT_EQ(attempt(url("elsewhere.repartee.test", "sslmode=verify-ca " + trusting())), "encrypted");
  EXPECT_EQ(attempt(url("elsewhere.repartee.test", "sslmode=require")), "encrypted");
  EXPECT_EQ(attempt(url("elsewhere.repartee.test", "sslmode=disable")), "plain");
}

TEST_F(RemoteDatabase, ServesCallsByTls) {
  const auto target = url(name_in_certificate, trusting());
  ServerProcess server(stage_.arguments({"--database-url", target}), stage_.data_dir());
  EXPECT_EQ(server.get("/ready").status, 200) << server.log();
  EXPECT_EQ(scalar(*persistence::parse_target(target),
                   "SELECT count(*) AS v FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
                   "WHERE usename = 'server' AND NOT ssl"),
            "0");
  Callers callers(server.ws_url(), {.count = 5, .speaking = 1, .pause = Millis(50)});
  ASSERT_TRUE(callers.wait_for_more(10));
  close_the_books("by TLS", callers, server, *persistence::parse_target(target));
}

TEST_F(RemoteDatabase, IsAwayForAServerThatDoesNotBelieveIt) {
  ServerProcess server(stage_.arguments({"--database-url", url("elsewhere.repartee.test", trusting())}), stage_.data_dir());
  EXPECT_TRUE(server.wait_for_log("the database is away: starting without it")) << server.log();
  EXPECT_NE(server.log().find("does not match host name"), std::string::npos) << "the log says why\n" << server.log();
  EXPECT_TRUE(server.wait_until([&] { return server.get("/ready").body.find("does not match host name") != std::string::npos; }));
  EXPECT_EQ(one_call(server.ws_url()), "");
}

}  // namespace
}  // namespace repartee::test
