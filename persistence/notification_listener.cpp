#include "persistence/notification_listener.hpp"

#include <libpq-fe.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <stdexcept>

#include "core/log.hpp"

namespace repartee::persistence {
namespace {

struct Stopped {};
struct Lost : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Finish {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct Clear {
  void operator()(PGresult* result) const { PQclear(result); }
};
struct FreeText {
  void operator()(char* text) const { PQfreemem(text); }
};
struct FreeNotification {
  void operator()(PGnotify* notification) const { PQfreemem(notification); }
};

std::string first_line(const char* text) {
  const std::string all(text ? text : "");
  return all.substr(0, all.find('\n'));
}

}  // namespace

// One connection from its first byte to its end.
struct NotificationListener::Session {
  explicit Session(PGconn* made) : connection(made) {
    if (!connection) throw std::bad_alloc();
  }
  int socket() const {
    const int fd = PQsocket(connection.get());
    if (fd < 0) throw Lost(error());
    return fd;
  }
  std::string error() const { return first_line(PQerrorMessage(connection.get())); }

  std::unique_ptr<PGconn, Finish> connection;
};

NotificationListener::NotificationListener(DatabaseTarget target, Options options, Callbacks callbacks, Metrics& metrics)
    : target_(std::move(target)),
      options_(std::move(options)),
      callbacks_(std::move(callbacks)),
      connects_(metrics.counter("repartee_db_listener_connects_total", "times the listener for notifications connected")),
      received_(metrics.counter("repartee_db_listener_notifications_total", "notifications heard")),
      wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this] { work(); }) {}

NotificationListener::~NotificationListener() {
  stopping_ = true;
  const std::uint64_t one = 1;
  if (write(wake_fd_, &one, sizeof one) < 0) log::warn("database", "the listener could not be woken");
  thread_.join();
  close(wake_fd_);
}

// Waits for the socket (-1: for nothing but the time) and for being stopped.
bool NotificationListener::wait(int socket, short events, Millis patience) {
  pollfd fds[2] = {{wake_fd_, POLLIN, 0}, {socket, events, 0}};
  const int ready = poll(fds, 2, static_cast<int>(patience.count()));
  if (stopping_) throw Stopped{};
  return ready > 0;
}

void NotificationListener::work() {
  Millis backoff = options_.backoff_min;
  bool again = false;
  try {
    for (;;) {
      try {
        Session session(PQconnectStart(target_.conninfo.c_str()));
        const auto until = SteadyClock::now() + options_.connect_timeout;
        for (auto step = PGRES_POLLING_WRITING; step != PGRES_POLLING_OK; step = PQconnectPoll(session.connection.get())) {
          if (step == PGRES_POLLING_FAILED || PQstatus(session.connection.get()) == CONNECTION_BAD) throw Lost(session.error());
          const auto left = std::chrono::duration_cast<Millis>(until - SteadyClock::now());
          const short events = step == PGRES_POLLING_READING ? POLLIN : POLLOUT;
          if (left <= Millis(0) || !wait(session.socket(), events, left)) throw Lost("it did not answer in time");
        }
        backoff = options_.backoff_min;
        connects_.add();
        listen(session, again);
      } catch (const Lost& why) {
        if (listening_.exchange(false)) again = true;
        log::warn("database", "no notifications are heard", {{"why", why.what()}, {"retry_ms", static_cast<long long>(backoff.count())}});
      }
      wait(-1, 0, backoff);
      backoff = std::min(backoff * 2, options_.backoff_max);
    }
  } catch (const Stopped&) { listening_ = false; }
}

// Until the connection is lost.
void NotificationListener::listen(Session& session, bool again) {
  PGconn* connection = session.connection.get();
  const auto exec = [&](const std::string& sql) {  // short statements to a server that has just answered
    const std::unique_ptr<PGresult, Clear> result(PQexec(connection, sql.c_str()));
    const auto status = PQresultStatus(result.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) throw Lost(session.error());
  };
  for (const auto& channel : options_.channels) {
    const std::unique_ptr<char, FreeText> name(PQescapeIdentifier(connection, channel.data(), channel.size()));
    if (!name) throw Lost(session.error());
    exec("LISTEN " + std::string(name.get()));
  }
  listening_ = true;
  if (callbacks_.on_listening) callbacks_.on_listening(again);
  for (;;) {
    while (const auto notification = std::unique_ptr<PGnotify, FreeNotification>(PQnotifies(connection))) {
      received_.add();
      callbacks_.on_notification(notification->relname, notification->extra);
    }
    if (!wait(session.socket(), POLLIN, options_.probe_interval)) exec("SELECT 1");
    else if (!PQconsumeInput(connection)) throw Lost(session.error());
  }
}

}  // namespace repartee::persistence
