#include "persistence/database.hpp"

#include "core/log.hpp"

namespace repartee::persistence {
namespace {

constexpr std::size_t logged_sql_chars_max = 200;
constexpr Statement set_user{"set_user", "SELECT set_config('app.user_id', $1, true)"};
constexpr Statement select_one{"ping", "SELECT 1"};

// The text as it stands in the code: $1 where a value goes, so it says nothing about anybody.
std::string one_line(std::string_view sql) {
  std::string out;
  for (const char c : sql) {
    const bool space = c == ' ' || c == '\n';
    if (!space || (!out.empty() && out.back() != ' ')) out += space ? ' ' : c;
  }
  return out;
}

}  // namespace

Rows Transaction::exec(const Statement& statement, const Params& params) {
  const auto started = SteadyClock::now();
  auto rows = connection_.exec(statement, params);
  const auto took = SteadyClock::now() - started;
  if (logging_.every_statement)
    log::info("sql", statement.name,
              {{"took_us", static_cast<long long>(std::chrono::duration_cast<std::chrono::microseconds>(took).count())},
               {"rows", std::max(rows.size(), rows.affected())},
               {"sql", one_line(statement.sql)}});
  if (took > logging_.slow_query)
    log::warn("database", "slow query",
              {{"statement", statement.name},
               {"took_ms", static_cast<long long>(to_ms(took))},
               {"sql", one_line(statement.sql).substr(0, logged_sql_chars_max)}});
  return rows;
}

// A connection on loan. Given back when it goes; thrown away when marked broken.
class Database::Lease {
 public:
  explicit Lease(Database& pool) : pool_(pool), connection_(pool.acquire(pooled_, generation_)), taken_at_(SteadyClock::now()) {}
  ~Lease() { pool_.give_back(std::move(connection_), broken, generation_, taken_at_); }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  Connection& operator*() { return *connection_; }
  Connection* operator->() { return connection_.get(); }

  // A pooled connection may have died with its server, which its first statement finds. There is nothing to lose yet, and a fresh one
  // takes its place.
  void begin(const Scope& scope) {
    try {
      begin_as(scope);
    } catch (const DatabaseError& e) {
      if (!e.connection_broken() || !pooled_) throw;
      connection_->roll_back();
      connection_ = pool_.connect();
      begin_as(scope);
    }
  }
  bool broken = false;

 private:
  void begin_as(const Scope& scope) {
    connection_->begin();
    connection_->exec(set_user, Params(scope.user_id));
  }

  Database& pool_;
  bool pooled_ = false;
  std::size_t generation_ = 0;
  std::unique_ptr<Connection> connection_;
  TimePoint taken_at_;
};

Database::Database(DatabaseTarget target, Options options, Metrics& metrics)
    : target_(std::move(target)),
      options_(std::move(options)),
      backoff_(options_.backoff_min),
      in_use_gauge_(metrics.gauge("repartee_db_pool_in_use", "connections at work", {{"pool", options_.name}})),
      idle_gauge_(metrics.gauge("repartee_db_pool_idle", "open connections without work", {{"pool", options_.name}})),
      opened_(metrics.counter("repartee_db_pool_opened_total", "connections made", {{"pool", options_.name}})),
      connect_failures_(
          metrics.counter("repartee_db_pool_connect_failures_total", "attempts to connect that failed", {{"pool", options_.name}})),
      acquire_timeouts_(
          metrics.counter("repartee_db_pool_acquire_timeouts_total", "callers who got no connection in time", {{"pool", options_.name}})),
      waiting_gauge_(metrics.gauge("repartee_db_pool_waiting", "callers who wait for a connection", {{"pool", options_.name}})),
      up_gauge_(
          metrics.gauge("repartee_db_pool_up", "1 after the last attempt to reach the database succeeded", {{"pool", options_.name}})),
      busy_seconds_(metrics.counter("repartee_db_pool_busy_seconds_total",
                                    "time connections were at work; its rate by size_max is the utilisation", {{"pool", options_.name}})),
      wait_seconds_(metrics.histogram("repartee_db_pool_wait_seconds", "time until a connection was there", Metrics::latency_seconds(),
                                      {{"pool", options_.name}})) {
  metrics.gauge("repartee_db_pool_size_max", "most connections the pool may hold", {{"pool", options_.name}})
      .set(static_cast<double>(options_.connections_max));
  housekeeper_ = std::thread([this] { keep_house(); });
}

Database::~Database() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_asked_.notify_all();
  housekeeper_.join();
}

Status Database::run_scoped(const std::function<void(Transaction&)>& work, const Scope& scope) {
  try {
    Lease lease(*this);
    try {
      lease.begin(scope);
      Transaction transaction(*lease, {.slow_query = options_.slow_query, .every_statement = options_.log_sql});
      work(transaction);
      lease->commit();
    } catch (const DatabaseError& e) {
      lease.broken = e.connection_broken();
      lease->roll_back();
      throw;
    } catch (...) {
      lease->roll_back();
      throw;
    }
  } catch (const DatabaseError& e) { return e.error(); }
  return {};
}

Status Database::ping() {
  return run([](Transaction& transaction) { transaction.exec(select_one); });
}

void Database::renew() {
  std::deque<Idle> dropped;
  std::lock_guard lock(mutex_);
  ++generation_;
  next_attempt_ = {};
  role_missing_logged_ = false;  // it may be there now; if not, it is worth saying again
  drop_idle_before(TimePoint::max(), dropped);
  publish();
}

std::unique_ptr<Connection> Database::acquire(bool& pooled, std::size_t& generation) {
  const auto started = SteadyClock::now();
  std::deque<Idle> dropped;  // closed after the lock is released
  std::unique_lock lock(mutex_);
  bool free = in_use_ < options_.connections_max && waiters_.empty();
  if (free) {
    ++in_use_;
  } else {
    Waiter waiter;
    waiters_.push_back(&waiter);
    waiting_gauge_.add(1);
    free = waiter.ready.wait_until(lock, started + options_.acquire_timeout, [&] { return waiter.granted; });
    waiting_gauge_.add(-1);
    if (!free) std::erase(waiters_, &waiter);
  }
  wait_seconds_.observe(std::chrono::duration<double>(SteadyClock::now() - started).count());
  if (!free) {
    acquire_timeouts_.add();
    throw DatabaseError(Errc::unavailable, "no database connection became free in time");
  }
  drop_idle_before(SteadyClock::now() - options_.idle_max, dropped);
  generation = generation_;
  std::unique_ptr<Connection> connection;
  pooled = !idle_.empty();
  if (pooled) {
    connection = std::move(idle_.back().connection);
    idle_.pop_back();
  }
  publish();
  lock.unlock();
  if (connection) return connection;
  try {
    return connect();
  } catch (...) {
    give_back(nullptr, true, generation, SteadyClock::now());
    throw;
  }
}

std::unique_ptr<Connection> Database::connect() {
  {
    std::lock_guard lock(mutex_);
    if (SteadyClock::now() < next_attempt_) throw DatabaseError(Errc::unavailable, last_failure_, true);
  }
  try {
    auto connection = std::make_unique<Connection>(target_, options_.connection);
    opened_.add();
    up_gauge_.set(1);
    std::lock_guard lock(mutex_);
    backoff_ = options_.backoff_min;
    if (!connection->has_role() && !std::exchange(role_missing_logged_, true))
      log::warn("database", "the role is not there (as before the first migration) or not granted: working as the user of the database URL, without "
                "row-level security",
                {{"role", target_.set_role}, {"pool", options_.name}});
    return connection;
  } catch (const DatabaseError& e) {
    connect_failures_.add();
    up_gauge_.set(0);
    std::lock_guard lock(mutex_);
    last_failure_ = e.what();
    next_attempt_ = SteadyClock::now() + backoff_;
    backoff_ = std::min(backoff_ * 2, options_.backoff_max);
    throw DatabaseError(e.code(), e.what(), true);
  }
}

void Database::give_back(std::unique_ptr<Connection> connection, bool broken, std::size_t generation, TimePoint taken_at) {
  busy_seconds_.add(std::chrono::duration<double>(SteadyClock::now() - taken_at).count());
  std::deque<Idle> dropped;
  std::lock_guard lock(mutex_);
  if (broken) drop_idle_before(TimePoint::max(), dropped);  // one broken connection: its siblings most likely are too
  else if (connection && generation == generation_) idle_.push_back({std::move(connection), SteadyClock::now()});
  release_slot();
}

// To whom waited longest, if anybody does: else one who comes along just now would always be before them.
void Database::release_slot() {
  if (waiters_.empty()) {
    --in_use_;
  } else {
    waiters_.front()->granted = true;
    waiters_.front()->ready.notify_one();
    waiters_.pop_front();
  }
  publish();
}

void Database::keep_house() {
  std::unique_lock lock(mutex_);
  while (!stop_asked_.wait_for(lock, std::min(options_.check_interval, options_.idle_max), [&] { return stopping_; })) {
    std::deque<Idle> dropped;
    drop_idle_before(SteadyClock::now() - options_.idle_max, dropped);
    publish();
    const bool away = up_gauge_.value() == 0 && opened_.value() > 0;
    lock.unlock();
    dropped.clear();
    if (away) static_cast<void>(ping());  // nobody may ask for a long time, and the gauge should know that it is back
    else check_idle();
    lock.lock();
  }
}

// One after another: the longest unused first, each away from the pool for one round trip only.
void Database::check_idle() {
  const auto unused_since = SteadyClock::now() - options_.check_interval;
  for (std::size_t i = 0; i < options_.connections_max; ++i) {
    Idle idle;
    std::size_t generation = 0;
    {
      std::lock_guard lock(mutex_);
      if (i >= idle_.size() || idle_[i].since > unused_since || in_use_ >= options_.connections_max) return;
      idle = std::move(idle_[i]);
      idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(i));
      ++in_use_;
      generation = generation_;
    }
    const bool alive = lives(*idle.connection);
    up_gauge_.set(alive ? 1 : 0);
    std::deque<Idle> dropped;
    {
      std::lock_guard lock(mutex_);
      if (!alive) drop_idle_before(TimePoint::max(), dropped);
      else if (generation == generation_)
        idle_.insert(idle_.begin() + static_cast<std::ptrdiff_t>(std::min(i, idle_.size())), std::move(idle));
      release_slot();
    }
    if (!alive) {
      log::warn("database", "idle connections were dead: new ones are made when they are needed", {{"pool", options_.name}});
      return;
    }
  }
}

bool Database::lives(Connection& connection) {
  try {
    connection.begin();
    connection.exec(select_one);
    connection.commit();
    return true;
  } catch (const DatabaseError&) { return false; }
}

void Database::drop_idle_before(TimePoint since, std::deque<Idle>& dropped) {
  while (!idle_.empty() && idle_.front().since < since) {
    dropped.push_back(std::move(idle_.front()));
    idle_.pop_front();
  }
}

void Database::publish() {
  in_use_gauge_.set(static_cast<double>(in_use_));
  idle_gauge_.set(static_cast<double>(idle_.size()));
}

}  // namespace repartee::persistence
