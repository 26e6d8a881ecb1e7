#include "persistence/connection.hpp"

#include <array>
#include <pqxx/pqxx>
#include <set>

namespace repartee::persistence {
namespace {

// ---- what differs between libpqxx 6.4 (Debian 12) and 7.x ----

void never_reconnect_silently(pqxx::connection& connection) {
#if PQXX_VERSION_MAJOR < 7
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  connection.inhibit_reactivation(true);
#pragma GCC diagnostic pop
#else
  static_cast<void>(connection);  // 7.x has no such feature
#endif
}

pqxx::result exec_prepared(pqxx::work& work, const std::string& name, const std::vector<std::optional<std::string>>& values) {
#if PQXX_VERSION_MAJOR < 7
  std::vector<const char*> pointers;
  pointers.reserve(values.size());
  for (const auto& value : values) pointers.push_back(value ? value->c_str() : nullptr);
  return work.exec_prepared(name, pqxx::prepare::make_dynamic_params(pointers));
#else
  pqxx::params params;
  for (const auto& value : values) params.append(value);
  return work.exec_prepared(name, params);
#endif
}

// ---- what is the same ----

constexpr Statement take_role{
    "take_role", "SELECT set_config('role', rolname, false) FROM pg_roles WHERE rolname = $1 AND pg_has_role(current_user, oid, 'MEMBER')"};

struct ClassOfErrors {
  std::string_view prefix;  // of the SQLSTATE; the first that matches counts
  Errc code;
};
constexpr std::array classes{
    ClassOfErrors{"08", Errc::unavailable},          // connection exception
    ClassOfErrors{"0A000", Errc::unavailable},       // "cached plan must not change result type": a migration ran; a new connection helps
    ClassOfErrors{"22", Errc::invalid_argument},     // data exception
    ClassOfErrors{"23502", Errc::invalid_argument},  // null where none may be
    ClassOfErrors{"23514", Errc::invalid_argument},  // CHECK: a value that cannot be
    ClassOfErrors{"23", Errc::conflict},             // unique, foreign key: does not fit what is there
    ClassOfErrors{"25006", Errc::unavailable},       // read-only: a replica, or a failover under way
    ClassOfErrors{"28", Errc::permission_denied},    // authorization
    ClassOfErrors{"3D000", Errc::unavailable},       // no such database (yet)
    ClassOfErrors{"3F000", Errc::unavailable},       // no such schema (yet)
    ClassOfErrors{"40003", Errc::in_doubt},          // statement completion unknown
    ClassOfErrors{"40", Errc::unavailable},          // serialization failure, deadlock
    ClassOfErrors{"42501", Errc::permission_denied},
    ClassOfErrors{"42P01", Errc::unavailable},  // no such table, column: not migrated yet
    ClassOfErrors{"42703", Errc::unavailable},
    ClassOfErrors{"53100", Errc::resource_exhausted},  // disk full
    ClassOfErrors{"53200", Errc::resource_exhausted},  // out of memory
    ClassOfErrors{"53", Errc::unavailable},            // too many connections
    ClassOfErrors{"54", Errc::invalid_argument},       // program limit exceeded
    ClassOfErrors{"55", Errc::unavailable},            // lock not available
    ClassOfErrors{"57014", Errc::deadline_exceeded},   // statement timeout
    ClassOfErrors{"57", Errc::unavailable},            // shutting down, starting up
    ClassOfErrors{"58", Errc::unavailable},            // I/O error below PostgreSQL
    ClassOfErrors{"XX001", Errc::data_corrupt},
    ClassOfErrors{"XX002", Errc::data_corrupt},
};

bool breaks_connection(std::string_view sqlstate) {
  return sqlstate.starts_with("08") || sqlstate.starts_with("57P") || sqlstate == "0A000" || sqlstate == "25006";
}

// What the state means for us, where PostgreSQL's own words do not help.
const char* advice_for(std::string_view sqlstate) {
  // Prepared statements of another connection, or none of ours: something between us and PostgreSQL shares its connections.
  if (sqlstate == "42P05" || sqlstate == "26000") return ": if a pooler stands before the database, it must pool sessions, not transactions";
  return "";
}

// On one line, without the row that a message may repeat: what somebody said does not go into a log.
std::string one_line(std::string_view text) {
  std::string out;
  text = text.substr(0, text.find("DETAIL:  Failing row contains"));
  for (const char c : text) out += c == '\n' ? ' ' : c;
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

// libpqxx 6 leaves the SQLSTATE out of some of its classes.
std::string sqlstate_of(const pqxx::sql_error& e) {
  if (!e.sqlstate().empty()) return e.sqlstate();
  if (dynamic_cast<const pqxx::insufficient_privilege*>(&e)) return "42501";
  if (dynamic_cast<const pqxx::undefined_table*>(&e)) return "42P01";
  if (dynamic_cast<const pqxx::undefined_column*>(&e)) return "42703";
  if (dynamic_cast<const pqxx::disk_full*>(&e)) return "53100";
  if (dynamic_cast<const pqxx::out_of_memory*>(&e)) return "53200";
  if (dynamic_cast<const pqxx::insufficient_resources*>(&e)) return "53000";
  if (dynamic_cast<const pqxx::data_exception*>(&e)) return "22000";
  if (dynamic_cast<const pqxx::not_null_violation*>(&e)) return "23502";
  if (dynamic_cast<const pqxx::check_violation*>(&e)) return "23514";
  if (dynamic_cast<const pqxx::integrity_constraint_violation*>(&e)) return "23000";
  return {};
}

// Every call into libpqxx goes through here, and no exception of its own comes out.
template <class F>
auto guarded(F&& call) {
  try {
    return call();
  } catch (const pqxx::in_doubt_error& e) {
    throw DatabaseError(Errc::in_doubt, one_line(e.what()), true);
  } catch (const pqxx::broken_connection& e) {
    throw DatabaseError(Errc::unavailable, one_line(e.what()), true);
  } catch (const pqxx::sql_error& e) {
    const auto state = sqlstate_of(e);
    throw DatabaseError(errc_of_sqlstate(state), one_line(e.what()) + (state.empty() ? "" : " (" + state + ")") + advice_for(state), breaks_connection(state));
  } catch (const pqxx::statement_completion_unknown& e) {
    throw DatabaseError(Errc::in_doubt, one_line(e.what()), true);
  } catch (const pqxx::usage_error& e) {
    throw DatabaseError(Errc::unavailable, one_line(e.what()), true);  // a transaction on a connection that was lost
  } catch (const pqxx::failure& e) { throw DatabaseError(Errc::unavailable, one_line(e.what()), true); }
}

Rows to_rows(const pqxx::result& result) {
  RowsData data;
  data.affected = static_cast<std::size_t>(result.affected_rows());
  const auto columns = result.columns();
  for (auto i = decltype(columns){0}; i < columns; ++i) data.columns.emplace_back(result.column_name(i));
  data.cells.reserve(static_cast<std::size_t>(result.size()) * data.columns.size());
  for (const auto& row : result)
    for (const auto& field : row) {
      if (field.is_null()) data.cells.emplace_back();
      else data.cells.emplace_back(std::string(field.c_str(), field.size()));
    }
  return Rows(std::move(data));
}

}  // namespace

Errc errc_of_sqlstate(std::string_view sqlstate) {
  for (const auto& known : classes)
    if (sqlstate.starts_with(known.prefix)) return known.code;
  return Errc::internal;
}

struct Connection::Impl {
  explicit Impl(const std::string& conninfo) : connection(conninfo) {}
  pqxx::connection connection;
  std::unique_ptr<pqxx::work> work;
  std::set<std::string, std::less<>> prepared;
};

Connection::Connection(const DatabaseTarget& target, const Settings& settings) {
  guarded([&] {
    impl_ = std::make_unique<Impl>(target.conninfo);
    never_reconnect_silently(impl_->connection);
  });
  begin();
  script("SET TimeZone = 'UTC'; SET statement_timeout = " + std::to_string(settings.statement_timeout.count()) +
         "; SET lock_timeout = " + std::to_string(settings.lock_timeout.count()) +
         "; SET idle_in_transaction_session_timeout = " + std::to_string(settings.idle_in_transaction_timeout.count()) + ";");
  if (!target.set_role.empty()) has_role_ = !exec(take_role, Params(target.set_role)).empty();
  commit();
}

Connection::~Connection() { roll_back(); }

void Connection::begin() {
  guarded([&] { impl_->work = std::make_unique<pqxx::work>(impl_->connection); });
}

Rows Connection::exec(const Statement& statement, const Params& params) {
  for (const auto& value : params.values())
    if (value && value->find('\0') != std::string::npos) throw DatabaseError(Errc::invalid_argument, "a value contains a NUL character");
  return guarded([&] {
    if (!impl_->prepared.contains(statement.name)) {
      impl_->connection.prepare(statement.name, statement.sql);
      impl_->prepared.emplace(statement.name);
    }
    return to_rows(exec_prepared(*impl_->work, statement.name, params.values()));
  });
}

void Connection::script(const std::string& sql) {
  guarded([&] { impl_->work->exec(sql); });
}

void Connection::commit() {
  guarded([&] { impl_->work->commit(); });
  impl_->work.reset();
}

void Connection::roll_back() noexcept {
  if (!impl_) return;
  try {
    impl_->work.reset();  // its destructor aborts, and swallows what that may throw
  } catch (...) {         // nothing to do: the connection is thrown away if it is broken
  }
}

}  // namespace repartee::persistence
