// Where a database is and as whom to work there. Understands what libpq does: postgres://user@host/db, key=value pairs, unix-socket
// hosts (postgres:///db?host=/var/run/postgresql).
// Thread contract: values and pure functions.
#pragma once
#include <map>
#include <string>
#include <string_view>

#include "core/clock.hpp"
#include "core/result.hpp"

namespace repartee::persistence {

struct DatabaseTarget {
  std::string conninfo;  // key='value' pairs; may hold a password: never log it
  std::string set_role;  // SET ROLE after connecting, if it exists and is granted; empty: stay who the conninfo says
};

// The three ways the server works with its database. With an embedded cluster each logs in as a role of its own; with an external URL
// all log in as its user and take the role where there is one.
struct DatabaseTargets {
  DatabaseTarget owner;     // migrations, partitions, sweeps
  DatabaseTarget app;       // requests, under row-level security
  DatabaseTarget recorder;  // write-behind of turns
};

// Fills in what the URL leaves open: connect_timeout (libpq counts seconds, at least two), UTF-8, and for a host that is not this machine
// sslmode=verify-full and keepalives that notice within a minute that it is gone.
Result<DatabaseTarget> parse_target(std::string_view url, Millis connect_timeout = std::chrono::seconds(10));

DatabaseTargets targets_of(const DatabaseTarget& external);

// The same target with some keys changed (host, dbname, user ...).
DatabaseTarget with_keys(const DatabaseTarget& target, const std::map<std::string, std::string>& keys);

// For programs that are given a conninfo as an argument, which everybody on the machine can read: the same without its password, and the
// password (may be empty).
struct WithoutPassword {
  std::string conninfo, password;
};
WithoutPassword without_password(const DatabaseTarget& target);

std::string describe(const DatabaseTarget& target);  // "repartee_app@/run/x/repartee": for logs, without any password

}  // namespace repartee::persistence
