// One connection to PostgreSQL, one transaction at a time. Everything that knows libpqxx, 6.4 or 7, is in connection.cpp; nothing else
// includes it. Failures are DatabaseError; a connection that broke is never silently replaced by a new one, which would have lost
// app.user_id and SET ROLE: throw it away.
// Thread contract: one thread at a time.
#pragma once
#include <chrono>
#include <memory>
#include <string>

#include "core/clock.hpp"
#include "persistence/conninfo.hpp"
#include "persistence/database_error.hpp"
#include "persistence/params.hpp"
#include "persistence/rows.hpp"

namespace repartee::persistence {

// SQL that is written once, in code. Prepared on a connection when first used there; the name must be unique in the program.
struct Statement {
  const char* name;
  const char* sql;
};

class Connection {
 public:
  struct Settings {
    Millis statement_timeout = std::chrono::seconds(30);  // 0: none
    Millis lock_timeout = std::chrono::seconds(10);
    Millis idle_in_transaction_timeout = std::chrono::seconds(60);
  };
  Connection(const DatabaseTarget& target, const Settings& settings);
  ~Connection();

  bool has_role() const { return has_role_; }  // false: the target's set_role does not exist or is not granted to the user
  void begin();
  Rows exec(const Statement& statement, const Params& params = Params());
  void script(const std::string& sql);  // several statements without values: migrations
  void commit();                        // in_doubt when the connection breaks meanwhile
  void roll_back() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  bool has_role_ = true;
};

// The Errc of an SQLSTATE; see Errc for what each allows the caller to do.
Errc errc_of_sqlstate(std::string_view sqlstate);

}  // namespace repartee::persistence
