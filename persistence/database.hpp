// A small pool of connections to one database as one role, and the one way to work with it: run a function in a transaction.
//
//   auto name = database.run([&](Transaction& t) { return t.exec(find_clone, Params(id))[0].text("name"); }, {.user_id = caller});
//
// run() commits when the function returns, rolls back when it throws. It never retries what the function did (the error's class says
// whether the caller may: unavailable yes, in_doubt only what is idempotent). It does replace a pooled connection that turns out to be
// dead before the function was called. While the server is away, connecting backs off and run() fails at once instead of piling up.
// Who waits for a connection is served in turn.
// A thread of the pool's own closes connections that nobody used for long, and asks the others whether they still live.
// Thread contract: run() from any thread, blocking; never from a loop.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>

#include "core/metrics.hpp"
#include "persistence/connection.hpp"

namespace repartee::persistence {

class Transaction {
 public:
  struct Logging {
    Millis slow_query = Millis(100);
    bool every_statement = false;
  };
  Transaction(Connection& connection, const Logging& logging) : connection_(connection), logging_(logging) {}
  Rows exec(const Statement& statement, const Params& params = Params());  // throws DatabaseError; let it pass

 private:
  Connection& connection_;
  const Logging logging_;
};

class Database {
 public:
  struct Options {
    std::string name = "app";  // label of the pool's metrics
    std::size_t connections_max = 10;
    Millis acquire_timeout = std::chrono::seconds(10);
    Duration idle_max = std::chrono::seconds(600);       // an idle connection is closed after it
    Duration check_interval = std::chrono::seconds(30);  // idle connections are asked this often whether they live
    Millis slow_query = Millis(100);                     // logged beyond it, without values
    bool log_sql = false;                                // every statement is, without values
    Connection::Settings connection;
    Millis backoff_min = Millis(25);  // between attempts to connect
    Millis backoff_max = Millis(1000);
  };
  struct Scope {
    std::string user_id;  // whose rows the transaction may see (app.user_id); empty: nobody's, only public ones
  };

  Database(DatabaseTarget target, Options options, Metrics& metrics);
  ~Database();

  template <class F>
  auto run(F&& work, const Scope& scope = {}) -> Result<std::invoke_result_t<F, Transaction&>> {
    using T = std::invoke_result_t<F, Transaction&>;
    if constexpr (std::is_void_v<T>) {
      return run_scoped(work, scope);
    } else {
      std::optional<T> value;
      auto status = run_scoped([&](Transaction& transaction) { value.emplace(work(transaction)); }, scope);
      if (!status) return status.error();
      return std::move(*value);
    }
  }
  Status ping();  // for /ready
  void renew();   // use none of the present connections again: roles or schema changed
  const std::string& name() const { return options_.name; }

 private:
  struct Idle {
    std::unique_ptr<Connection> connection;
    TimePoint since;
  };
  class Lease;
  struct Waiter {
    std::condition_variable ready;
    bool granted = false;  // a slot is theirs, and counted
  };

  Status run_scoped(const std::function<void(Transaction&)>& work, const Scope& scope);
  std::unique_ptr<Connection> acquire(bool& pooled, std::size_t& generation);  // throws DatabaseError
  std::unique_ptr<Connection> connect();
  void give_back(std::unique_ptr<Connection> connection, bool broken, std::size_t generation, TimePoint taken_at);
  void keep_house();  // its thread
  void check_idle();  // that each idle connection lives
  bool lives(Connection& connection);
  void release_slot();  // under mutex_
  void drop_idle_before(TimePoint since, std::deque<Idle>& dropped);
  void publish();

  const DatabaseTarget target_;
  const Options options_;
  std::mutex mutex_;
  std::deque<Waiter*> waiters_;  // in the order they came, and are served
  std::deque<Idle> idle_;  // the most recently used at the back
  std::size_t in_use_ = 0;
  std::size_t generation_ = 0;
  bool role_missing_logged_ = false;
  TimePoint next_attempt_{};
  Millis backoff_;
  std::string last_failure_;
  Gauge& in_use_gauge_;
  Gauge& idle_gauge_;
  Counter& opened_;
  Counter& connect_failures_;
  Counter& acquire_timeouts_;
  Gauge& waiting_gauge_;
  Gauge& up_gauge_;
  Counter& busy_seconds_;
  Histogram& wait_seconds_;
  std::condition_variable stop_asked_;
  bool stopping_ = false;
  std::thread housekeeper_;  // last: it ends before the rest goes
};

}  // namespace repartee::persistence
